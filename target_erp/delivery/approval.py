"""Which writes an approved plan allows: what is in it, and unchanged on both sides."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import threading
import typing as t

from erp_ledger.field_hashes import exact
from erp_vendors.http import codec
from erp_vendors.masking import masked
from target_erp.delivery.assess import changes_of
from target_erp.printable import clean

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Body, Write
    from target_erp.delivery.writer import Writer

_BYTES = 16
WRITES = frozenset({"create", "update", "delete"})
"""Steps of a plan that write."""


class Fingerprints:
    """Keyed hashes that bind a line of a plan to a record and to what the vendor had of it."""

    def __init__(self, key: bytes) -> None:
        """Take the key.

        Args:
            key: Who has it can try out values; it does not stand in the plan.
        """
        self._key = key

    def of(self, value: object) -> str:
        """A keyed hash.

        Args:
            value: Any JSON.
        """
        text = codec.encode_sorted({"": value})
        return hashlib.blake2b(text, digest_size=_BYTES, key=self._key).hexdigest()

    def record(self, write: Write) -> str:
        """Binds the incoming record.

        Args:
            write: The record as it is submitted: no parent's id is filled in, no rule applied.
        """
        what = "deleted" if write.deletes else write.body
        return self.of([write.stream, list(write.names), what])

    def change(self, writer: Writer, write: Write, row: Body | None, *, made: bool = False) -> str:
        """Binds what the vendor has: which record, what would change in it, and present values.

        Args:
            writer: Its sink's writer.
            write: The record, with the body that goes out.
            row: What the vendor has; None if it has none.
            made: The row is made by the input itself, so a plan does not know the vendor's id.
        """
        # A parent's id is known only when the parent has been written.
        later = {reference.fill for reference in write.parents}
        old = {
            name: exact(was)
            for name, (was, _) in changes_of(write, row).items()
            if name not in later
        }
        lost = clears(writer, write, row)
        old.update({f"lost {name}": exact(value) for name, value in lost.items()})
        which = [] if row is None or made else list(writer.own_key(row))
        return self.of([row is None, which, old])


@dataclasses.dataclass(frozen=True, slots=True)
class PlanLine:
    """A line of an approved plan.

    Attributes:
        stream: Sink.
        key: The record's keys.
        step: What was to be done.
        changes: Old and new value by property, secrets masked.
        record: See `Fingerprints.record`.
        change: See `Fingerprints.change`; empty for a deletion, for which nobody is asked.
    """

    stream: str
    key: t.Mapping[str, str]
    step: str
    changes: t.Mapping[str, t.Mapping[str, t.Any]]
    record: str
    change: str

    @property
    def tags(self) -> frozenset[str]:
        """Its keys, each with the sink."""
        return frozenset(_tag(self.stream, f"{name}={v}") for name, v in self.key.items())


class Approval:
    """Says of each write whether the plan allows it; safe to use from many threads."""

    def __init__(self, lines: t.Iterable[PlanLine], fingerprints: Fingerprints) -> None:
        """Take the plan.

        Args:
            lines: Its lines.
            fingerprints: Made with the key of the plan.
        """
        self._fingerprints = fingerprints
        self._lines: dict[str, list[PlanLine]] = collections.defaultdict(list)
        self._used: dict[str, list[PlanLine]] = collections.defaultdict(list)
        self._keys: dict[str, PlanLine] = {}
        self._came: set[str] = set()
        self._lock = threading.Lock()
        for line in lines:
            self._lines[line.record].append(line)
            self._keys.update(dict.fromkeys(line.tags, line))

    def take(self, write: Write) -> None:
        """Note which version of a record has come, before anything is made of it.

        Args:
            write: The record.
        """
        write.version = self._fingerprints.record(write)
        self._came.add(write.version)
        self._came.update(_tag(write.stream, name) for name in write.names)

    def objection(self, writer: Writer, write: Write, row: Body | None) -> str:
        """Why a record may not be written; empty if the plan has this very write.

        Args:
            writer: Its sink's writer.
            write: The record, with the body that goes out.
            row: What the vendor has now; None if it has none, or for a deletion.
        """
        with self._lock:
            lines = [line for line in self._lines.get(write.version, ()) if line.step in WRITES]
            allowed = {""} if write.deletes else self._changes(writer, write, row)
            found = next((line for line in lines if line.change in allowed), None)
            if found is not None:
                # Each line is for one write; `give_back` lets a record come again.
                self._lines[write.version].remove(found)
                self._used[write.version].append(found)
                write.approved = found.change
                return ""
        return self._said(writer, write, row, lines)

    def give_back(self, write: Write) -> None:
        """Let a record be written later that did not get through, as when it waits for a parent.

        Args:
            write: The record.
        """
        with self._lock:
            used = self._used.get(write.version, [])
            line = next((line for line in used if line.change == write.approved), None)
            if line is not None:
                used.remove(line)
                self._lines[write.version].append(line)
                write.approved = None

    def _changes(self, writer: Writer, write: Write, row: Body | None) -> set[str]:
        """The changes as a plan may have them: one of its lines may make what a later one finds."""
        change = self._fingerprints.change
        return {change(writer, write, row), change(writer, write, row, made=True)}

    def _said(self, writer: Writer, write: Write, row: Body | None, lines: list[PlanLine]) -> str:
        if lines:
            return self._drift(writer, write, row, lines[-1])
        if self._used.get(write.version):
            return "the plan has this write no more often than it has been made"
        same = self._lines.get(write.version)
        return (
            self._other(writer, write)
            if not same
            else (f"the plan has it as {same[-1].step}, and now it would be written")
        )

    def _other(self, writer: Writer, write: Write) -> str:
        """What differs of a record that the plan does not have in this version."""
        tags = (_tag(write.stream, name) for name in write.names)
        line = next((self._keys[tag] for tag in tags if tag in self._keys), None)
        if line is None:
            return "it is not in the plan"
        if not line.record:
            return "the plan was made without a ledger, so nothing binds the secrets in this record"
        if write.deletes or line.step == "delete":
            what = "deleted" if write.deletes else "written"
            return f"the plan has it as {line.step}, and now it would be {what}"
        shown = _shown(write.body, writer)
        new = {name: change.get("new") for name, change in line.changes.items()}
        names = [n for n, value in new.items() if exact(shown.get(n)) != exact(value)]
        more = f" in {', '.join(names)}" if names else ""
        return f"the incoming record is another one than in the plan{more}"

    def _drift(self, writer: Writer, write: Write, row: Body | None, line: PlanLine) -> str:
        if row is None:
            return "the plan changes it, and the vendor does not have it any more"
        if line.step == "create":
            return "the plan creates it, and now the vendor has it"
        changes = changes_of(write, row)
        was = {name: change.get("old") for name, change in line.changes.items()}
        now = _shown({name: old for name, (old, _) in changes.items()}, writer)
        names = [
            name
            for name in dict.fromkeys((*was, *now))
            if name not in was or name not in now or exact(was[name]) != exact(now[name])
        ]
        where = ", ".join(names) or "which record it is, what would be cleared there, or a secret"
        return f"the vendor's record has changed since the plan: {where}"

    @property
    def missing(self) -> int:
        """Writes of the plan whose record did not come in the input."""
        return sum(
            line.step in WRITES and record not in self._came and not self._came & line.tags
            for record, lines in self._lines.items()
            for line in lines
        )


def clears(writer: Writer, write: Write, row: Body | None) -> Body:
    """What an update may clear at the vendor, because the record does not name it.

    Args:
        writer: Its sink's writer.
        write: The record, with the body that goes out.
        row: What the vendor has; None if it has none.
    """
    if row is None or not writer.replaces:
        return {}
    named = {*write.body, *(part for name, _ in writer.own_key(row) for part in name.split(","))}
    return {name: v for name, v in writer.carried(row).items() if name not in named}


def _tag(stream: str, name: str) -> str:
    return f"{stream}\t{name}"


def _shown(fields: Body, writer: Writer) -> Body:
    """Values as a plan shows them."""
    return {name: clean(value) for name, value in masked(fields, writer.secrets).items()}
