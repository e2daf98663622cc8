"""Records that could not be written, kept with everything that is needed to try again."""

from __future__ import annotations

import datetime as dt
import pathlib
import threading
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.redact import MASK, redact

if t.TYPE_CHECKING:
    from target_erp.delivery.outcome import Outcome, RefusedError, Write


class DeadLetters:
    """A folder with one JSON-lines file per stream."""

    def __init__(self, folder: str, run: str) -> None:
        self.folder = pathlib.Path(folder)
        self._run = run
        self._lock = threading.Lock()

    def add(
        self, write: Write, outcome: Outcome, error: RefusedError, secrets: t.Collection[str] = ()
    ) -> None:
        """Keep a record; it is on the disk when this returns.

        Args:
            write: The record.
            outcome: Refused or unknown.
            error: Why.
            secrets: Properties whose values are masked.

        Raises:
            ConfigError: If the folder cannot be written to.
        """
        now = dt.datetime.now(dt.timezone.utc)
        failed = write.known.failed_at if write.known else None
        first = dt.datetime.fromtimestamp(failed / 1000, dt.timezone.utc) if failed else now
        letter = {
            "stream": write.stream,
            "key": dict(write.key),
            "record": _masked(write.record, secrets),
            "payload": _masked(write.body, secrets),
            "request": redact(error.request),
            "outcome": outcome.value,
            "class": error.reason,
            "reason": redact(str(error)),
            "status": error.status,
            "answer": redact(error.answer),
            "attempts": error.attempts,
            "run": self._run,
            "first_at": first.isoformat(timespec="milliseconds"),
            "last_at": now.isoformat(timespec="milliseconds"),
        }
        if write.deletes:
            letter["deletes"] = True
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with (self.folder / f"{write.stream}.jsonl").open("ab") as file:
                    file.write(codec.encode(letter) + b"\n")
            except OSError as problem:
                msg = f"cannot write to the folder of the setting 'dead_letters': {problem}"
                raise ConfigError(msg) from None


def newest(folder: str, stream: str = "", key: str = "") -> list[dict[str, t.Any]]:
    """The newest dead letter of each record, oldest first.

    Args:
        folder: The `dead_letters` setting.
        stream: Only this sink; empty for all.
        key: Only this business key, as a value or as `name=value`; empty for all.

    Raises:
        ConfigError: If a file cannot be read.
    """
    letters: dict[tuple[str, str], dict[str, t.Any]] = {}
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            try:
                letter = codec.decode(line)
                # Without a key every letter is a record of its own.
                name = identity(letter)
                place = (letter["stream"], name or str(number))
                if (stream and letter["stream"] != stream) or (
                    key and key not in {name, name.partition("=")[2]}
                ):
                    continue
                letters.pop(place, None)
                letters[place] = letter
            except (ValueError, KeyError, TypeError):
                msg = f"{file} line {number} is not a dead letter; remove or mend the line"
                raise ConfigError(msg) from None
    return sorted(letters.values(), key=last_at)


def last_at(letter: t.Mapping[str, t.Any]) -> str:
    """When a record was refused last (ISO 8601).

    Args:
        letter: A dead letter; those of earlier versions call it `at`.
    """
    return str(letter.get("last_at") or letter.get("at") or "")


def identity(letter: t.Mapping[str, t.Any]) -> str:
    """The business key that the ledger knows a record by; empty if it has none.

    Args:
        letter: A dead letter.
    """
    return next((f"{name}={value}" for name, value in letter["key"].items()), "")


def _masked(record: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> dict[str, t.Any]:
    return {name: MASK if name in secrets else value for name, value in record.items()}
