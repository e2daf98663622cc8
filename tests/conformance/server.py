"""The server: an adapter's API with faults around it, in a process of its own.

A fault happens before the API sees a request (nothing is committed) or after it (it is committed,
and the answer is lost). Under `/_/` the test sets rules and reads what happened.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import os
import random
import re
import signal
import sys
import time
import typing as t

from .book import Book
from .wire import Connection, Reply, Request

if t.TYPE_CHECKING:
    from .adapter import Adapter

CONTROL = "/_/"
_KEPT_BODIES = 200
_GARBAGE = "<html><body>502 Bad Gateway</body></html>"
_ERROR = '{"message": "not now"}'

Kind = t.Literal["cut", "status", "half", "garbage", "delay", "late", "hold", "kill"]


@dataclasses.dataclass
class Rule:
    """A fault and when it happens.

    Attributes:
        kind: cut (the connection), status (an error instead of the answer), half (a body), garbage
            (200 with something that is no answer of this API), delay, late (cut, and carried out
            some seconds later), hold (answered when the rules are taken back), kill (the target).
        after: Once the request has been carried out, instead of before.
        on: write, read, login, an HTTP method, or empty for every request.
        path: Regular expression that the path must contain.
        contains: Text that the request's body must contain.
        probability: Of happening to a request that matches.
        skip: Matching requests to let pass first.
        times: How often at most, or None.
        each: How often at most to requests with the same method, path and body, or None.
        status: For `status`.
        headers: For `status`.
        bodies: For `status` and `garbage`, one after the other; none for one that suits them.
        seconds: For `delay` and `late`; for `kill`: answer, and kill at a random moment within
            them.
        pid: Process group to kill.
    """

    kind: Kind
    after: bool = False
    on: str = "write"
    path: str = ""
    contains: str = ""
    probability: float = 1.0
    skip: int = 0
    times: int | None = None
    each: int | None = None
    status: int = 503
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    bodies: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    pid: int = 0
    used: int = 0
    met: collections.Counter[tuple[str, str, bytes]] = dataclasses.field(
        default_factory=collections.Counter, repr=False
    )

    def happens(self, request: Request, kind: str, dice: random.Random) -> bool:
        """Whether it happens to this request, which is counted then."""
        if self.on not in {"", kind, request.method} or not re.search(self.path, request.path):
            return False
        same = (request.method, request.path, request.body)
        is_over = self.times is not None and self.used >= self.times
        if is_over or self.contains.encode() not in request.body:
            return False
        if self.each is not None and self.met[same] >= self.each:
            return False
        if dice.random() >= self.probability:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.used += 1
        if self.each is not None:
            self.met[same] += 1
        return True

    def says(self, otherwise: str) -> str:
        """The body of its answer."""
        return self.bodies[(self.used - 1) % len(self.bodies)] if self.bodies else otherwise


class Server:
    """Hands requests to the adapter, and faults to the target."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.reset(seed=0)

    def reset(self, seed: int) -> None:
        """Forget everything."""
        self.book = Book()
        self.forget(seed)

    def forget(self, seed: int) -> None:
        """Forget rules and calls, and keep what is committed."""
        self.rules: list[Rule] = []
        self.held: list[tuple[Request, Connection]] = []
        self.dice = random.Random(seed)  # noqa: S311 - faults, not secrets
        self.calls: dict[str, list[float]] = collections.defaultdict(list)
        self.bodies: collections.deque[bytes] = collections.deque(maxlen=_KEPT_BODIES)
        self.in_flight = self.most_in_flight = 0
        self.fault_times: list[float] = []
        self.errors: list[str] = []

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer a request, one way or another."""
        if request.path.startswith(CONTROL):
            connection.reply(Reply(body=self._control(request)))
            return
        kind = self.adapter.kind(request)
        self.calls[kind].append(time.monotonic())
        if kind == "write":
            self.bodies.append(request.body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        fault = next((r for r in self.rules if r.happens(request, kind, self.dice)), None)
        if fault is not None:
            self.fault_times.append(time.monotonic())
        if fault is not None and fault.kind == "delay":
            asyncio.get_running_loop().call_later(
                fault.seconds, self._end, request, connection, None
            )
            return
        if fault is not None and fault.kind == "late":
            connection.cut()
            asyncio.get_running_loop().call_later(fault.seconds, self._carry_out, request)
            return
        if fault is not None and fault.kind == "hold":
            self.held.append((request, connection))
            return
        self._end(request, connection, fault)

    def _release(self) -> None:
        held, self.held = self.held, []
        for request, connection in held:
            self._end(request, connection, None)

    def _carry_out(self, request: Request) -> Reply:
        self.in_flight -= 1
        try:
            return self.adapter.answer(request, self.book)
        except Exception as error:  # noqa: BLE001 - a bug in an adapter must not look like a fault
            self.errors.append(f"{request.method} {request.path}: {error!r}")
            return Reply(500, {"bug": repr(error)})

    def _end(self, request: Request, connection: Connection, fault: Rule | None) -> None:
        if fault is not None and not fault.after:
            self.in_flight -= 1
            self._harm(fault, Reply(body={}), connection)
            return
        reply = self._carry_out(request)
        if fault is None:
            connection.reply(reply)
        else:
            self._harm(fault, reply, connection)

    def _harm(self, fault: Rule, reply: Reply, connection: Connection) -> None:
        if fault.kind == "status":
            connection.reply(Reply(fault.status, fault.says(_ERROR).encode(), fault.headers))
        elif fault.kind == "garbage":
            said = fault.says(_GARBAGE)
            kind = "text/html" if said.startswith("<") else "application/json"
            connection.reply(Reply(200, said.encode(), {"Content-Type": kind}))
        elif fault.kind == "half":
            connection.half(reply)
        elif fault.kind == "cut":
            connection.cut()
        elif fault.seconds:
            connection.reply(reply)
            seconds = self.dice.uniform(0, fault.seconds)
            asyncio.get_running_loop().call_later(seconds, kill, fault.pid)
        else:
            kill(fault.pid)
            connection.cut()

    def _control(self, request: Request) -> t.Any:
        said = request.json if request.body else {}
        command = request.path.removeprefix(CONTROL)
        if command == "reset":
            (self.forget if said.get("keep") else self.reset)(said.get("seed", 0))
        elif command == "rule":
            self.rules.insert(0 if said["kind"] == "kill" else len(self.rules), Rule(**said))
        elif command == "unrule":
            self.rules.clear()
            self._release()
        elif command == "edit":
            self.adapter.edit(said["key"], said["changes"], self.book)
        elif command == "log":
            return self.book.log
        elif command == "rows":
            return {key: rows for key, rows in self.book.rows.items() if rows}
        elif command == "keys":
            return sorted(key for key, rows in self.book.rows.items() if rows)
        elif command == "bodies":
            return [body.decode() for body in self.bodies]
        times = sorted(itertools.chain(*self.calls.values()))
        return {
            "calls": {kind: len(times) for kind, times in self.calls.items()},
            "most_in_a_second": most_in(1.0, times),
            "times": times,
            "fault_times": self.fault_times,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "commits": len(self.book.log),
            "duplicates": self.book.duplicates,
            "faults": [rule.used for rule in self.rules],
            "errors": self.errors,
        }


def kill(group: int) -> None:
    """End a process group as kill -9 does.

    Args:
        group: Its id.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def most_in(seconds: float, times: list[float]) -> int:
    """The largest number of moments in any window of a length.

    Args:
        seconds: Length of the window, open at its end.
        times: Moments in seconds, sorted.
    """
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


async def serve(adapter: Adapter) -> None:
    """Serve on a free port of 127.0.0.1, print the port, and end when stdin closes."""
    loop = asyncio.get_running_loop()
    server = Server(adapter)
    listening = await loop.create_server(lambda: Connection(server.handle), "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it
    await loop.run_in_executor(None, sys.stdin.read)
    listening.close()
