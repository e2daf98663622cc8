"""Runs of the tap inside the test process or as a command, and what they left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import decimal
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import jsonschema_rs

from erp_plugin.cli import ExitCode
from erp_vendors.errors import ErpError
from tap_erp.tap import TapErp
from tests.support import forked
from tests.support.signals import signals_kept

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

Message = dict[str, t.Any]
Config = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run of the tap left behind."""

    code: int
    error: str
    messages: list[Message]

    def records(self, stream: str) -> list[Message]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def kinds(self, stream: str) -> list[str]:
        """The kinds of message of a stream, in order."""
        return [message["type"] for message in self.messages if message.get("stream") == stream]

    @property
    def states(self) -> list[Message]:
        return [message["value"] for message in self.messages if message["type"] == "STATE"]

    @property
    def state(self) -> Message:
        """The last state, as a runner would keep it."""
        return self.states[-1] if self.states else {}

    def bookmark(self, stream: str) -> t.Any:
        return self.state["bookmarks"][stream]["replication_key_value"]


_catalogs: dict[str, str] = {}


def selected(config: Config, *streams: str) -> Message:
    """A catalog in which only these streams are selected."""
    catalog = _catalog(config)
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["stream"] in streams
    return catalog


def _catalog(config: Config) -> Message:
    """What discovery finds. Where no file is read for it, it is the same wherever the vendor is."""
    said = json.dumps(config, sort_keys=True)
    known = re.sub(r"127\.0\.0\.1:\d+", "", said)
    if "openapi" in said or known not in _catalogs:
        _catalogs[known] = json.dumps(make_tap(config).catalog_dict)
    return t.cast("Message", json.loads(_catalogs[known]))


def make_tap(config: Config, **more: t.Any) -> TapErp:
    """A tap that leaves this process's signal handlers alone."""
    with signals_kept():
        return TapErp(config=json.loads(json.dumps(config)), **more)


def run_tap(config: Config, *streams: str, state: Message | None = None) -> Run:
    """Run the tap on some streams, with the exit code that the command would give.

    Args:
        config: Configuration.
        *streams: Streams to select; none for all.
        state: State of an earlier run.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code, error = 0, ""
    with contextlib.redirect_stdout(out):
        try:
            catalog = selected(config, *streams) if streams else None
            make_tap(config, state=state, catalog=catalog).sync_all()
        except ExitCode as ending:
            code, error = ending.code, str(ending)
        except ErpError as failure:
            code, error = 1, str(failure)
    out.flush()
    return Run(code, error, parsed(out.buffer.getvalue().splitlines()))


def parsed(lines: t.Iterable[bytes]) -> list[Message]:
    """Singer messages with exact decimals; each SCHEMA is one, or no loader would take it."""
    messages = [json.loads(line, parse_float=decimal.Decimal) for line in lines]
    for message in messages:
        if message["type"] == "SCHEMA":
            jsonschema_rs.meta.validate(message["schema"])
    return messages


#: A tap that says after every record how far it is.
TALKATIVE = """
import tap_erp.stream, tap_erp.tap
tap_erp.stream._STATE_SECONDS = 0
tap_erp.tap.main()
"""


#: A tap that does not wait between its attempts.
HASTY = """
import backoff, tap_erp.tap
backoff.full_jitter = lambda value: 0
tap_erp.tap.main()
"""


def command(*arguments: str, program: str = "", **more: t.Any) -> subprocess.Popen[bytes]:
    """Start the tap as a command, or a program that runs it; stdout is a pipe."""
    return subprocess.Popen(
        [sys.executable, *(("-c", program) if program else ("-m", "tap_erp")), *arguments],
        stdout=subprocess.PIPE,
        env=environment(more.pop("environ", {})),
        **more,
    )


def environment(more: t.Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of the tap, and with what is given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TAP_ERP_")}
    return {**ours, **more}


def run_command(*arguments: str, program: str = "", **environ: str) -> tuple[int, str, str]:
    """Run the tap as a command: exit code, stdout and stderr."""
    if program:
        process = command(*arguments, program=program, stderr=subprocess.PIPE, environ=environ)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()
    with tempfile.TemporaryFile() as errors:
        tap = forked.start(
            *("tap_erp", *arguments),
            stderr=errors,
            cwd=pathlib.Path.cwd(),
            env=environment(environ),
        )
        with t.cast("t.IO[bytes]", tap.stdin), t.cast("t.IO[bytes]", tap.stdout) as said:
            text = said.read().decode()
        code = tap.wait()
        errors.seek(0)
        return code, text, errors.read().decode()


def written(folder: pathlib.Path, name: str, value: object) -> str:
    """Path of a JSON file with this content."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps(value))
    return str(file)


def aimsio(url: str, **settings: t.Any) -> Config:
    """Configuration for one Aimsio account."""
    block = {"username": "sandbox-user", "password": "sandbox-password", "api_url": url}
    return {"aimsio": {**block, "requests_per_second": 10_000, **settings}}


def cimcloud(url: str, **settings: t.Any) -> Config:
    """Configuration for one CIMcloud site."""
    block = {
        "username": "sandbox-user",
        "password": "sandbox-password",
        "auth_key": "sandbox-key",
        "site_name": "sandbox-site",
        "api_url": url,
    }
    return {"cimcloud": {**block, "requests_per_second": 10_000, **settings}}


def sandbox_config(sandbox: RunningSandbox) -> Config:
    """Configuration for the sandbox's Aimsio and CIMcloud."""
    return {
        **aimsio(sandbox.vendor_url("aimsio")),
        **cimcloud(sandbox.vendor_url("cimcloud")),
    }
