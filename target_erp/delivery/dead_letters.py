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
        letter = {
            "stream": write.stream,
            "key": dict(write.key),
            "record": _masked(write.record, secrets),
            "payload": _masked(write.body, secrets),
            "outcome": outcome.value,
            "class": error.reason,
            "reason": redact(str(error)),
            "status": error.status,
            "answer": redact(error.answer),
            "attempts": error.attempts,
            "run": self._run,
            "at": dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds"),
        }
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with (self.folder / f"{write.stream}.jsonl").open("ab") as file:
                    file.write(codec.encode(letter) + b"\n")
            except OSError as problem:
                msg = f"cannot write to the folder of the setting 'dead_letters': {problem}"
                raise ConfigError(msg) from None


def newest(folder: str) -> list[dict[str, t.Any]]:
    """The newest dead letter of each record, oldest first.

    Args:
        folder: The `dead_letters` setting.

    Raises:
        ConfigError: If a file cannot be read.
    """
    letters: dict[tuple[str, ...], dict[str, t.Any]] = {}
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            try:
                letter = codec.decode(line)
                key = letter["key"]
                # Without a key every letter is a record of its own.
                identity = [f"{name}={key[name]}" for name in key][:1] or [str(number)]
                place = (letter["stream"], *identity)
                letters.pop(place, None)
                letters[place] = letter
            except (ValueError, KeyError, TypeError):
                msg = f"{file} line {number} is not a dead letter; remove or mend the line"
                raise ConfigError(msg) from None
    return sorted(letters.values(), key=lambda letter: str(letter["at"]))


def _masked(record: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> dict[str, t.Any]:
    return {name: MASK if name in secrets else value for name, value in record.items()}
