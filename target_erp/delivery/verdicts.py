"""What a sink's policy makes of a record that the ledger wants sent: for plan and run alike.

The vendor is asked what it has, for several records at once where its API can do that; then modes,
rules and conflicts decide. See `docs/writing.md`.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import logging
import typing as t

from erp_ledger import RecordStatus
from erp_ledger.field_hashes import FieldHashes, canonical, same
from erp_vendors.errors import CallError, DataError, MissingResourceError
from target_erp.delivery.change_stamps import is_same_stamp, is_same_version
from target_erp.delivery.decide import Decision
from target_erp.delivery.in_doubt import LookUpError, is_down
from target_erp.delivery.model import ABSENT, Finding, LookUpResult, RefusedError
from target_erp.delivery.policy import FieldRule, Mode, is_empty

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.delivery.model import Body, Write
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

FORBIDDEN = {
    Mode.UPDATE_ONLY: "the vendor has no such record, and the mode is update_only",
    Mode.CREATE_ONLY: "the vendor has it, and the mode is create_only",
}


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What is to be done with a record.

    Attributes:
        decision: SEND, UNCHANGED, ARRIVED or SKIPPED.
        row: The vendor's version of it, as far as it was read; None if there is none.
        why: For people: why it is skipped, or not sent though it has changed.
        error: It is refused; or, as a `LookUpError`, the vendor failed with the question.
    """

    decision: Decision
    row: Body | None = None
    why: str = ""
    error: RefusedError | LookUpError | None = None


class Planned(t.NamedTuple):
    """What an earlier version of a record in the same input would have made of it.

    Attributes:
        row: What the vendor would have.
        base: What the writer would know of that.
    """

    row: Body
    base: bytes


class PolicyVerdicts:
    """Judges the records of all sinks of one run or plan; safe to use from many threads."""

    def __init__(self, ledger: Ledger | None, *, resync: bool, only_reads: bool = False) -> None:
        """Make it.

        Args:
            ledger: Keeps the bases; None if there is no ledger yet.
            resync: Records are sent although the vendor has them as they are.
            only_reads: The ledger stays as it is, as this is a plan.
        """
        self._only_reads = only_reads
        self._ledger = ledger
        self._resync = resync
        self._works: set[tuple[str, ...]] = set()
        self._said: dict[str, set[str]] = collections.defaultdict(set)
        self._based: dict[tuple[str, str], bool] = {}
        self._shown: dict[str, set[str]] = collections.defaultdict(set)

    def judge(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        *,
        contents: bool = False,
        planned: Planned | None = None,
    ) -> list[PolicyVerdict]:
        """Say what becomes of records of a sink that has a policy.

        What is to be sent gets the body that the rules make.

        Args:
            writer: The sink's writer.
            writes: Records that the ledger does not call unchanged, recognised.
            contents: The vendor's versions are needed in any case, to be shown.
            planned: In a plan: what there would be by then, where that is known.

        Returns:
            A verdict for each.

        Raises:
            ErpError: If the vendor fails.
        """
        policy = writer.policy
        contents = contents or policy.fields is not None or bool(policy.match_on)
        asked = [write for write in writes if not self._is_known_to_be_there(writer, write)]
        looks = iter(self._ask(writer, asked, contents=contents) if asked else ())
        self._recall(writer, asked)
        found = []
        for write in writes:
            if self._is_known_to_be_there(writer, write):
                found.append(PolicyVerdict(Decision.SKIPPED, why=FORBIDDEN[policy.mode]))
                continue
            try:
                look = self._proven(writer, write, next(looks))
                if planned is not None:
                    write.before = planned.base
                    row = {**(look.row or {}), **planned.row}
                    look = LookUpResult.found(look.vendor_id or "", row)
                found.append(self._judge(writer, write, look))
            except (RefusedError, LookUpError) as error:
                found.append(PolicyVerdict(Decision.SEND, error=error))
        return found

    def _is_known_to_be_there(self, writer: Writer, write: Write) -> bool:
        """Whether the ledger tells that a record exists which may only be created."""
        known = write.known
        open_question = write.doubtful or write.forgotten or self._resync
        there = known is not None and known.is_there and not open_question
        return there and writer.policy.mode is Mode.CREATE_ONLY

    def _ask(
        self, writer: Writer, writes: t.Sequence[Write], *, contents: bool
    ) -> list[LookUpResult | RefusedError]:
        try:
            return writer.currents(writes, contents=contents)
        except (CallError, DataError, MissingResourceError) as problem:
            if is_down(problem):
                raise
            unclear = LookUpResult.cannot_tell(str(problem), unreadable=True)
            return [unclear] * len(writes)

    def _recall(self, writer: Writer, writes: t.Sequence[Write]) -> None:
        if self._ledger is None or not self._keeps_bases(writer):
            return
        keys = [write.identity for write in writes if write.key]
        bases = self._ledger.bases(writer.account, writer.stream, keys)
        for write in writes:
            write.before = bases.get(write.identity, b"") if write.key else b""

    def _proven(
        self, writer: Writer, write: Write, look: LookUpResult | RefusedError
    ) -> LookUpResult:
        """What was seen, if it proves something.

        Raises:
            RefusedError: If nobody can tell.
            LookUpError: If the vendor's answer makes no sense.
        """
        if isinstance(look, RefusedError):
            raise look
        if look.finding is Finding.NOT_SHOWN:
            if self._look_up_works(writer, write):
                return ABSENT
            look = LookUpResult.cannot_tell(
                "nothing proves that the vendor would show it if it were there"
            )
        if look.finding is Finding.CANNOT_TELL:
            msg = f"what the vendor has of it cannot be told, so it is not sent: {look.why}"
            if look.unreadable:
                raise LookUpError(msg)
            raise RefusedError(msg, reason="no_look_up")
        return look

    def _look_up_works(self, writer: Writer, write: Write) -> bool:
        """Whether records of this kind would be shown: each key is a search of its own."""
        kind = (writer.stream, *(name for name, _ in write.key))
        if kind not in self._works and (writer.control() or writer.is_empty()):
            self._works.add(kind)
        return kind in self._works

    def _judge(self, writer: Writer, write: Write, look: LookUpResult) -> PolicyVerdict:
        write.seen = look
        if look.finding is Finding.ABSENT:
            return self._judge_new(writer, write)
        if not write.unsure:  # else this run may have made it
            write.was_there = None if write.doubtful else True
        if writer.policy.match_on and look.vendor_id:
            write.vendor_id = look.vendor_id
        if writer.policy.mode is Mode.CREATE_ONLY:
            known = write.known
            if write.doubtful and known is not None and known.digest == write.digest:
                return PolicyVerdict(Decision.ARRIVED, look.row)
            return PolicyVerdict(Decision.SKIPPED, look.row, FORBIDDEN[Mode.CREATE_ONLY])
        if writer.create_only and not writer.policy.refuses_conflicts:
            return PolicyVerdict(Decision.SEND, look.row)  # that it is there decides
        return self._judge_there(writer, write, look)

    def _judge_new(self, writer: Writer, write: Write) -> PolicyVerdict:
        write.was_there = False
        policy = writer.policy
        if policy.mode is Mode.UPDATE_ONLY:
            return PolicyVerdict(Decision.SKIPPED, why=FORBIDDEN[Mode.UPDATE_ONLY])
        needed = writer.needed_to_create
        if policy.match_on and needed and all(is_empty(write.body.get(n)) for n in needed):
            msg = (
                f"the vendor has none with this {', '.join(policy.match_on)}, and to create one it "
                f"needs {' or '.join(needed)}"
            )
            raise RefusedError(msg, reason="no_key")
        if policy.refuses_conflicts:
            known = write.known
            if known is not None and known.is_there and known.status is not RecordStatus.INTENT:
                return self._gone(writer, write)
            deleted = known is not None and known.status is RecordStatus.DELETED
            if writer.stamp_of(write.record) is not None and not deleted:
                return self._gone(writer, write)
        if self._keeps_bases(writer):
            write.base = self._hashes.after(b"", write.body)
        if why := writer.cannot_create(write):
            raise RefusedError(why, reason="not_there")
        return PolicyVerdict(Decision.SEND)

    def _gone(self, writer: Writer, write: Write) -> PolicyVerdict:
        """A record that was written or read before, and that somebody has deleted there."""
        conflicts = {
            name: {"base": self._base_of(write, name, value), "theirs": None, "ours": value}
            for name, value in write.body.items()
        }
        msg = (
            "the vendor does not have it any more, and had it when it was last written or read (a "
            "record with the vendor's stamp was read there): somebody has deleted it; to create it "
            f"again, let erp ledger forget {writer.stream} and its key, with on_conflict overwrite"
        )
        raise RefusedError(msg, reason="conflict", conflicts=conflicts)

    def _judge_there(self, writer: Writer, write: Write, look: LookUpResult) -> PolicyVerdict:
        stamps = self._stamps(writer, write, look)
        seen = is_same_version(*stamps)
        if look.row is None:
            if writer.policy.fields is None and (seen or not writer.policy.refuses_conflicts):
                self._note_base(writer, write, write.body, {})
                return PolicyVerdict(Decision.SEND)
            msg = "the vendor does not show what it has of it, so its policy cannot be kept"
            raise RefusedError(msg, reason="no_look_up")
        row = look.row
        ours, body = self._apply_rules(writer, write, row)
        hidden = [name for name in ours if self._is_hidden(writer, write, row, name)]
        changed = {
            name: value
            for name, value in ours.items()
            if name not in hidden and not same(row.get(name), value)
        }
        if writer.policy.refuses_conflicts:
            self._say_hidden(writer, hidden)
            if not seen:
                self._check_conflicts(write, row, changed, read=is_same_stamp(*stamps))
        self._note_base(writer, write, ours, row)
        if not changed and not hidden and not self._resync:
            held = len(ours) < len(write.body)
            why = "its rules leave nothing to change" if held else "the vendor has these values"
            return PolicyVerdict(Decision.UNCHANGED, row, why)
        write.send_instead(body)
        return PolicyVerdict(Decision.SEND, row)

    def _apply_rules(self, writer: Writer, write: Write, row: Body) -> tuple[Body, Body]:
        """The fields that the rules let a record change, and the body that is sent for them."""
        anchor = _anchor(writer, write, row)
        names = {name for name, value in write.body.items() if _may(writer, row, name, value)}
        ours = {name: value for name, value in write.body.items() if name in names}
        keys = {part for name, _ in write.key for part in name.split(",")}
        body = {**ours, **anchor}
        for name in write.body.keys() - names:
            if name in keys and canonical(row.get(name)) in {"", canonical(write.body[name])}:
                body[name] = write.body[name]  # it says which record is meant
            elif writer.replaces and not writer.shows(row, name):
                msg = f"{name}: it is to stay as it is, and the vendor does not show what it is"
                raise RefusedError(msg, reason="no_look_up")
        if writer.replaces and (
            writer.policy.fields is not None or writer.policy.refuses_conflicts
        ):
            body = {**writer.carried(row), **body}
        return ours, body

    def _is_hidden(self, writer: Writer, write: Write, row: Body, name: str) -> bool:
        """Whether the vendor does not tell what a property is.

        One that it has shown before and leaves out now is empty: somebody has cleared it.
        """
        shown = self._shown[writer.stream]
        shown.update(row)
        if writer.shows(row, name):
            return False
        base, hashes = write.before, self._hashes
        return not (hashes.was_shown(base, name) or (name in shown and hashes.knows(base, name)))

    def _check_conflicts(self, write: Write, row: Body, changed: Body, *, read: bool) -> None:
        """Refuse what would overwrite a value that the writer has not known.

        Args:
            write: The record.
            row: The vendor's version of it.
            changed: What would change.
            read: The record carries the vendor's stamp: what has no base was read as it is.
        """
        hashes, base = self._hashes, write.before
        conflicts = {
            name: {
                "base": self._base_of(write, name, value),
                "theirs": row.get(name),
                "ours": value,
            }
            for name, value in changed.items()
            if not hashes.holds(base, name, row.get(name))
            and not (read and not hashes.knows(base, name))
        }
        if conflicts:
            msg = (
                f"changed at the vendor since it was last read or written: {', '.join(conflicts)}; "
                "nothing was sent"
            )
            raise RefusedError(msg, reason="conflict", conflicts=conflicts)

    def _base_of(self, write: Write, name: str, ours: object) -> object:
        """How a conflict shows a field's base, of which the ledger has no more than a hash."""
        if self._hashes.holds(write.before, name, ours):
            return ours
        return "another value" if self._hashes.knows(write.before, name) else "not known"

    def _keeps_bases(self, writer: Writer) -> bool:
        """Whether the sink has bases; then runs that overwrite keep them up to date, too."""
        if writer.policy.refuses_conflicts or self._ledger is None:
            return writer.policy.refuses_conflicts
        sink = writer.account, writer.stream
        if sink not in self._based:
            self._based[sink] = self._ledger.has_bases(*sink)
        return self._based[sink]

    def _note_base(self, writer: Writer, write: Write, ours: Body, row: Body) -> None:
        if self._keeps_bases(writer):
            shown = [n for n in ours if not is_empty(row.get(n)) and not writer.shows({}, n)]
            write.base = self._hashes.after(write.before, ours, shown)

    @staticmethod
    def _stamps(writer: Writer, write: Write, look: LookUpResult) -> tuple[object, object]:
        """When the record changed last, as the vendor and as the record say."""
        stamp = look.stamp
        if stamp is None and look.row is not None:
            stamp = writer.stamp_of(look.row)
        return stamp, writer.stamp_of(write.record)

    def _say_hidden(self, writer: Writer, hidden: t.Sequence[str]) -> None:
        new = [name for name in hidden if name not in self._said[writer.stream]]
        if new:
            self._said[writer.stream].update(new)
            logger.warning(
                "%s: the vendor does not show %s, so nobody can tell whether somebody has changed "
                "that there (sinks.%s.on_conflict)",
                writer.stream,
                ", ".join(new),
                writer.stream,
            )

    @functools.cached_property
    def _hashes(self) -> FieldHashes:
        if self._ledger is None:
            return FieldHashes(b"")
        return FieldHashes(self._ledger.base_key(make=not self._only_reads))


def _may(writer: Writer, row: Body, name: str, value: object) -> bool:
    """Whether the rules let a property go out."""
    rule = writer.policy.rule_for(name)
    if rule is FieldRule.FILL_EMPTY and not writer.shows(row, name):
        msg = f"{name}: the vendor does not show it, so nobody can tell whether it is empty"
        raise RefusedError(msg, reason="no_look_up")
    return rule.allows(row.get(name), value)


def _anchor(writer: Writer, write: Write, row: Body) -> Body:
    """What says which record is meant, where the key of the sync is unknown to the vendor."""
    if not writer.policy.match_on:
        return {}
    anchor = writer.anchor(row)
    for name, value in anchor.items():
        own = write.body.get(name)
        if not is_empty(own) and canonical(own) != canonical(value):
            keys = ", ".join(writer.policy.match_on)
            msg = f"the vendor's record with this {keys} has the {name} {value}, not {own}"
            raise RefusedError(msg, reason="ambiguous")
    # A vendor may ask for its own keys in an update, too.
    lacking = [name for name in writer.needed_to_create if is_empty(write.body.get(name))]
    return {**{name: row[name] for name in lacking if not is_empty(row.get(name))}, **anchor}
