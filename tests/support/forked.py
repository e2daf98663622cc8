"""Starts the plugins as processes that need not import them first.

Imports take half a second of CPU, and the tests start hundreds of processes. So a helper imports
all modules of both plugins once, and forks for each start. What it forks is a process like any
other: it has a pid to kill, its own stdin, stdout, environment and umask, and Python ends it.
Only its pauses between attempts take a tenth of their time.

With `make nightly`, and on systems where a fork without exec is not safe, each start is a new
Python.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pathlib
import pkgutil
import runpy
import socket
import subprocess
import sys
import threading
import typing as t

import backoff

from tests.support.scale import NIGHTLY

NEW_PYTHON = NIGHTLY or sys.platform != "linux"
"""Whether each start is a new Python."""
_ROOT = pathlib.Path(__file__).resolve().parents[2]
_REQUEST_BYTES = 1 << 20


class Process:
    """A forked process, as far as the tests use `subprocess.Popen`.

    Attributes:
        pid: Its number.
        stdin, stdout: The test's ends of its pipes.
    """

    def __init__(
        self, pid: int, stdin: t.IO[bytes], stdout: t.IO[bytes], replies: t.IO[bytes]
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._replies = replies

    def wait(self) -> int:
        """Wait for its end.

        Returns:
            Its exit code; the negative number of a signal that ended it.
        """
        with self._replies:
            return int(self._replies.readline())


class _Helper:
    """The process that forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                start_new_session=True,
            )
        atexit.register(self._close)

    def start(self, request: dict[str, t.Any], stderr: t.IO[bytes]) -> Process:
        """Have a process forked."""
        from_test, stdin = os.pipe()
        stdout, to_test = os.pipe()
        ours, theirs = socket.socketpair()
        given = [from_test, to_test, stderr.fileno(), theirs.fileno()]
        with self._lock, ours:
            socket.send_fds(self._requests, [json.dumps(request).encode() + b"\n"], given)
            # Only the helper may hold this end, or its death would leave the test waiting.
            theirs.close()
            os.close(from_test)
            os.close(to_test)
            replies = ours.makefile("rb")
            pid = int(replies.readline())
        return Process(pid, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), replies)

    def _close(self) -> None:
        self._requests.close()
        self._process.wait()


_helper = functools.cache(_Helper)


def start(
    module: str,
    *arguments: str,
    stderr: t.IO[bytes],
    cwd: pathlib.Path,
    env: t.Mapping[str, str] = os.environ,
    umask: int = 0o022,
) -> Process | subprocess.Popen[bytes]:
    """Start a plugin as `python -m` does, in a session of its own, with pipes to and from it.

    Args:
        module: `tap_erp` or `target_erp`.
        *arguments: Of its command line.
        stderr: File that its stderr goes to.
        cwd: Its folder.
        env: Its environment.
        umask: Its umask.
    """
    if NEW_PYTHON:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=cwd,
            env=env,
            start_new_session=True,
            umask=umask,
        )
    request = {"module": module, "arguments": arguments, "cwd": str(cwd), "umask": umask}
    return _helper().start({**request, "env": dict(env)}, stderr)


def _serve(requests: socket.socket) -> tuple[dict[str, t.Any], list[int]] | None:
    """Fork for each request.

    Returns:
        In a forked process, its request, and what the request brought; None at the end.
    """
    while True:
        line, given, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 4)
        while line and not line.endswith(b"\n"):
            line += requests.recv(_REQUEST_BYTES)
        if not line:
            return None
        if os.fork() == 0:
            return json.loads(line), given
        for descriptor in given:
            os.close(descriptor)
        _forget_ended()


def _forget_ended() -> None:
    """Reap those that have ended, so that they do not pile up."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _watch(pid: int, replies: int) -> t.NoReturn:
    """Tell the test the number of the process that it asked for, and then its exit code."""
    os.write(replies, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(replies, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(request: dict[str, t.Any], given: list[int]) -> None:
    """Make this process the one that was asked for, once its parent is the one that watches it."""
    *streams, replies = given
    pid = os.fork()
    if pid:
        for descriptor in streams:
            os.close(descriptor)
        _watch(pid, replies)
    os.close(replies)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.setsid()
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["arguments"]


def _main() -> None:
    for package in ("erp_ledger", "erp_plugin", "erp_vendors", "tap_erp", "target_erp"):
        folder = [str(_ROOT / package)]
        for module in pkgutil.walk_packages(folder, f"{package}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    gc.freeze()  # what all share is copied to none
    full_jitter = backoff.full_jitter
    backoff.full_jitter = lambda value: full_jitter(value) / 10
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        asked = _serve(requests)
    if asked is not None:
        _become(*asked)
        runpy.run_module(asked[0]["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
