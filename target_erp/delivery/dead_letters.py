"""Records that could not be written, kept with everything that is needed to try again."""

from __future__ import annotations

import collections
import datetime as dt
import functools
import logging
import pathlib
import typing as t

from erp_ledger import letter_files
from erp_ledger.group_commit import GroupCommit
from erp_ledger.letters import handle, keys_of, last_at
from erp_ledger.record import RecordStatus
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from erp_vendors.masking import hiding, masked
from erp_vendors.private import make_folder

if t.TYPE_CHECKING:
    from erp_ledger import Known, Ledger
    from erp_ledger.letter_files import Letter, Line
    from target_erp.delivery.model import Outcome, RefusedError, Write

logger = logging.getLogger("erp.delivery")

UNMAPPED = "stream_maps"
"""Class of a letter that holds no more than the record's keys: nothing was made of it."""
_GOT_THROUGH = frozenset({RecordStatus.ACCEPTED, RecordStatus.DELETED})
_AT_ONCE = 500
"""Keys of one look-up."""


class DeadLetters:
    """A folder with one JSON-lines file per stream; safe to use from many threads."""

    def __init__(self, folder: str, run: str) -> None:
        """Make the dead letters of a run; the folder is made with the first letter.

        Args:
            folder: The `dead_letters` setting.
            run: The run's id.
        """
        self.folder = pathlib.Path(folder)
        self.added: set[tuple[str, str]] = set()
        self._run = run
        self._commits: GroupCommit[tuple[str, bytes]] = GroupCommit(self._append)

    def add(
        self,
        write: Write,
        outcome: Outcome,
        error: RefusedError,
        secrets: t.Collection[str] = (),
        account: str = "",
    ) -> None:
        """Keep a record; it is durable when this returns. Threads that come together share a sync.

        Args:
            write: The record.
            outcome: Refused, waiting or unknown.
            error: Why.
            secrets: Properties whose values are masked, wherever they stand.
            account: Whose data it is.

        Raises:
            ConfigError: If the folder cannot be written to.
        """
        now = dt.datetime.now(dt.timezone.utc)
        failed = write.known.failed_at if write.known else None
        first = dt.datetime.fromtimestamp(failed / 1000, dt.timezone.utc) if failed else now
        error = error.masked(hiding([write.record, write.body], secrets))
        letter = {
            "stream": write.stream,
            "account": account,
            "key": dict(write.key),
            "identity": write.identity if write.key else "",
            "record": masked(write.record, secrets),
            "payload": masked(write.body, secrets),
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
        if error.conflicts:
            letter["conflicts"] = masked(dict(error.conflicts), secrets)
        if not write.key:
            self.added.add((write.stream, handle(letter)))
        self._commits.write([(write.stream, codec.encode(letter))])

    def compact(
        self,
        ledger: Ledger,
        sinks: t.Iterable[tuple[str, str]],
        done: t.Container[tuple[str, str]] = (),
    ) -> None:
        """Leave out letters of records that have got through, and older ones of the same record.

        Those of other accounts stay: a run that has the lease there adds a letter before the
        ledger knows of it.

        Args:
            ledger: Knows who has got through.
            sinks: Account and name of the sinks whose letters are looked at.
            done: Sink and handle of further letters to leave out.
        """

        def keep(account: str, lines: list[Line]) -> list[Line]:
            ours = [one.letter for one in lines if one.letter and _is_of(one.letter, account)]
            letters = [row for row in _newest_of(ours) if (row["stream"], handle(row)) not in done]
            gone = set(map(id, ours)) - set(map(id, still_open(letters, ledger)))
            return [line for line in lines if id(line.letter) not in gone]

        for account, stream in sinks:
            try:
                letter_files.rewrite(self._file(stream), functools.partial(keep, account))
            except OSError as problem:
                # Nothing is lost: the letters stand there as before.
                logger.warning("cannot tidy the dead letters of %s: %s", stream, problem.strerror)

    def place(self, ledger: Ledger, streams: t.Iterable[str]) -> str:
        """Where the letters of this run are, for the end of a sentence; some may be gone.

        Args:
            ledger: Knows who has got through.
            streams: Sinks whose files are looked at.
        """
        found = (one for stream in streams for one in letter_files.letters(self._file(stream)))
        letters = [letter for letter in found if letter["run"] == self._run]
        gone = len(letters) - len(still_open(letters, ledger))
        why = f" (of {gone} of them a later version got through, so they have no letter any more)"
        return f"{why if gone else ''}; see the folder {self.folder}"

    def close(self) -> None:
        """End what was begun for adding, when nobody adds any more."""
        self._commits.close()

    def _append(self, letters: list[tuple[str, bytes]]) -> None:
        texts: dict[str, list[bytes]] = collections.defaultdict(list)
        for stream, text in letters:
            texts[stream].append(text)
        make_folder("dead_letters", self.folder)
        try:
            for stream, some in texts.items():
                letter_files.append(self._file(stream), some)
        except OSError as problem:
            msg = f"cannot write to the folder of the setting 'dead_letters': {problem.strerror}"
            raise ConfigError(msg) from None

    def _file(self, stream: str) -> pathlib.Path:
        return self.folder / f"{stream}.jsonl"


def newest(folder: str, stream: str = "", key: str = "") -> list[Letter]:
    """The newest dead letter of each record, oldest first.

    Args:
        folder: The `dead_letters` setting.
        stream: Only this sink; empty for all.
        key: Only the record with this business key (a value or `name=value`) or handle; empty for
            all.

    Raises:
        ConfigError: If a file cannot be read.
    """
    letters: list[Letter] = []
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        try:
            found = [line.letter for line in letter_files.read(file) if line.letter is not None]
        except FileNotFoundError:
            continue  # a run has ended meanwhile, and all its records have got through
        except OSError as problem:
            msg = f"cannot read {file} (setting 'dead_letters'): {problem.strerror}"
            raise ConfigError(msg) from None
        letters += [letter for letter in found if stream in {"", letter["stream"]}]
    letters = _newest_of(letters)
    if key:
        letters = [letter for letter in letters if _called(letter, key)]
    return sorted(letters, key=last_at)


def dismiss(folder: str, letters: t.Iterable[Letter]) -> None:
    """Take records out of the dead letters.

    Args:
        folder: The `dead_letters` setting.
        letters: Their newest letters; older ones of the same records go, too.

    Raises:
        ConfigError: If a file cannot be written.
    """
    gone: dict[tuple[str, str], list[Letter]] = collections.defaultdict(list)
    for row in letters:
        for name in _ids(row):
            gone[row["stream"], name].append(row)

    def goes(letter: Letter) -> bool:
        return any(
            last_at(letter) <= last_at(row) and _is_of(letter, row["account"])
            for name in _ids(letter)
            for row in gone.get((letter["stream"], name), ())
        )

    def keep(lines: list[Line]) -> list[Line]:
        return [line for line in lines if line.letter is None or not goes(line.letter)]

    for stream in sorted({stream for stream, _ in gone}):
        try:
            letter_files.rewrite(pathlib.Path(folder) / f"{stream}.jsonl", keep)
        except OSError as problem:
            msg = f"cannot write to the folder of the setting 'dead_letters': {problem.strerror}"
            raise ConfigError(msg) from None


def still_open(letters: t.Sequence[Letter], ledger: Ledger) -> list[Letter]:
    """The letters of records that have not got through since.

    Args:
        letters: Dead letters.
        ledger: Knows who has got through; it is asked for many at once.
    """
    wanted: dict[str, dict[str, None]] = collections.defaultdict(dict)
    for letter in letters:
        wanted[letter["stream"]].update(dict.fromkeys(keys_of(letter)))
    known = {stream: _known(ledger, stream, list(keys)) for stream, keys in wanted.items()}
    return [letter for letter in letters if not _got_through(letter, known[letter["stream"]])]


def _ids(letter: t.Mapping[str, t.Any]) -> list[str]:
    """What a record is known by: two letters that share one of them are of one record."""
    return keys_of(letter) or [handle(letter)]


def _called(letter: t.Mapping[str, t.Any], name: str) -> bool:
    """Whether a person means this record."""
    return name in _ids(letter) or name in map(str, letter["key"].values())


def _is_of(letter: t.Mapping[str, t.Any], account: str) -> bool:
    """Whether a letter may be of an account: one that no writer took is of any."""
    return letter["account"] in {"", account}


def _newest_of(letters: t.Iterable[Letter]) -> list[Letter]:
    """The last letter of each record; equal keys of two accounts are two records."""
    found: dict[int, Letter] = {}
    places: dict[tuple[str, str, str], int] = {}
    for letter in letters:
        stream, account, ids = letter["stream"], letter["account"], _ids(letter)
        names = [(stream, whose, name) for whose in {"", account} for name in ids]
        for older in {places[name] for name in names if name in places}:
            found.pop(older, None)
        found[id(letter)] = letter
        places.update({(stream, account, name): id(letter) for name in ids})
    return list(found.values())


def _known(ledger: Ledger, stream: str, keys: list[str]) -> dict[str, dict[str, Known]]:
    """What the ledger knows of some names, by account."""
    found: dict[str, dict[str, Known]] = {}
    for account in ledger.accounts(stream):
        lines = found[account] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            lines.update(ledger.look_many(account, stream, some))
            aliases = ledger.aliased(account, stream, [key for key in some if key not in lines])
            by_key = ledger.look_many(account, stream, list(set(aliases.values())))
            lines.update({name: by_key[key] for name, key in aliases.items() if key in by_key})
    return found


def _got_through(letter: Letter, known: t.Mapping[str, t.Mapping[str, Known]]) -> bool:
    """A record that no writer took has no account: then any account will do."""
    for account, lines in known.items():
        if _is_of(letter, account):
            line = next((lines[name] for name in keys_of(letter) if name in lines), None)
            if line is not None and line.status in _GOT_THROUGH:
                return True
    return False
