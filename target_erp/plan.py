"""The plan: what a run would write, without writing it."""

from __future__ import annotations

import collections
import dataclasses
import enum
import logging
import pathlib
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.http.redact import MASK, redact
from target_erp.delivery.lanes import Tally
from target_erp.delivery.outcome import Outcome, RefusedError

if t.TYPE_CHECKING:
    from target_erp.delivery.outcome import Write, Writer

logger = logging.getLogger("erp.plan")

_SHOWN_FIELDS = 6
_SHOWN_CHARACTERS = 40


class Step(str, enum.Enum):
    """What a run would do with a record."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, slots=True)
class Guards:
    """Limits of a plan, as the `guards` setting states them: a count, or a percentage of it.

    Attributes:
        max_creates: Records that may be created.
        max_updates: Records that may be updated.
        max_deletes: Records that may be deleted.
    """

    max_creates: int | str | None = None
    max_updates: int | str | None = None
    max_deletes: int | str | None = None

    def check(self, counts: t.Mapping[Step, int]) -> None:
        """Stop a run whose plan is larger than allowed.

        Args:
            counts: Records by step.

        Raises:
            ConfigError: If a guard is exceeded, or cannot be understood.
        """
        total = sum(counts.values())
        for name, setting, step in (
            ("max_creates", self.max_creates, Step.CREATE),
            ("max_updates", self.max_updates, Step.UPDATE),
        ):
            allowed = allowance(f"guards.{name}", setting, total)
            if counts[step] > allowed:
                msg = (
                    f"guards.{name} allows {setting} of {total} records, but the plan has "
                    f"{counts[step]} to {step.value}; nothing was written"
                )
                raise ConfigError(msg)
        allowance("guards.max_deletes", self.max_deletes, total)


class Planner:
    """Stands in for the delivery: asks the vendor what it has, and writes nothing."""

    def __init__(self, file: str, *, show: bool) -> None:
        """Start a plan.

        Args:
            file: Where to write it, one JSON line per record; empty for nowhere.
            show: Log a line per record, too.
        """
        self._file = pathlib.Path(file) if file else None
        self._show = show
        self.counts: collections.Counter[Step] = collections.Counter()
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.steps: dict[str, collections.Counter[Step]] = collections.defaultdict(
            collections.Counter
        )
        self._fresh = True

    settled = -1
    """No STATE goes out: nothing is written, so nothing is done with."""

    def submit(self, writer: Writer, write: Write) -> None:
        """Plan one record.

        Args:
            writer: How it would be written.
            write: The record, prepared.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        try:
            current = writer.current(write)
        except RefusedError as error:
            self.refuse(writer, write, error)
            return
        if current is None:
            self._note(writer, write, Step.CREATE)
            return
        changes = {
            name: (current.get(name), value)
            for name, value in write.body.items()
            if not _same(current.get(name), value)
        }
        self._note(writer, write, Step.UPDATE if changes else Step.UNCHANGED, changes)

    def refuse(self, writer: Writer | None, write: Write, error: RefusedError) -> None:
        """Plan a record that would be refused.

        Args:
            writer: How it would have been written.
            write: The record.
            error: Why it would not.
        """
        self.tallies[write.stream][Outcome.REFUSED] += 1
        self._note(writer, write, Step.REFUSED, reason=str(error))

    def resume(self, writer: Writer) -> None:
        """Nothing: a plan settles nothing."""

    def admit(self) -> None:
        """Nothing: every record is planned at once."""

    def flush(self, *streams: str) -> None:
        """Nothing: every record is planned at once."""

    def close(self, seconds: float) -> None:
        """Nothing to wait for."""

    def summary(self) -> None:
        """Log the totals, a line per stream."""
        for stream, counts in self.steps.items():
            parts = ", ".join(f"{counts[step]} {step.value}" for step in Step)
            logger.info("Plan for %s: %s", stream, parts)
        logger.info("Nothing was written.%s", f" The plan is in {self._file}" if self._file else "")

    def _note(
        self,
        writer: Writer | None,
        write: Write,
        step: Step,
        changes: t.Mapping[str, tuple[t.Any, t.Any]] | None = None,
        reason: str = "",
    ) -> None:
        hidden = writer.secrets if writer else frozenset()
        shown = {
            name: (MASK, MASK) if name in hidden else pair for name, pair in (changes or {}).items()
        }
        self.counts[step] += 1
        self.steps[write.stream][step] += 1
        if self._show and step is not Step.UNCHANGED:
            logger.info("%-9s %s%s", step.value, write.label, _explain(shown, reason))
        if self._file:
            line = {
                "stream": write.stream,
                "number": write.number,
                "key": dict(write.key),
                "step": step.value,
                "changes": {name: {"old": old, "new": new} for name, (old, new) in shown.items()},
                "reason": redact(reason),
            }
            self._append(codec.encode(line) + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            with t.cast("pathlib.Path", self._file).open("wb" if self._fresh else "ab") as file:
                file.write(line)
        except OSError as error:
            msg = f"cannot write the plan (setting 'plan_file'): {error}"
            raise ConfigError(msg) from None
        self._fresh = False


def allowance(name: str, setting: int | str | None, total: int) -> float:
    """Read a count or a percentage.

    Args:
        name: The setting, for errors.
        setting: A number, a percentage such as `5%`, or None for no bound.
        total: What a percentage is of.

    Returns:
        Number of records.

    Raises:
        ConfigError: If it is neither.
    """
    if setting is None:
        return float("inf")
    text = str(setting).strip()
    try:
        return float(text[:-1]) * total / 100 if text.endswith("%") else int(text)
    except ValueError:
        msg = f"setting '{name}' must be a number or a percentage such as 5%, not {setting!r}"
        raise ConfigError(msg) from None


def _same(old: object, new: object) -> bool:
    # 1.50 and 1.5 are one amount; "1" and 1 are one flag to a vendor that sends both.
    return old == new or (
        not isinstance(old, (dict, list)) and old is not None and str(old) == str(new)
    )


def _explain(changes: t.Mapping[str, tuple[t.Any, t.Any]], reason: str) -> str:
    parts = [
        f"{name}: {_short(old)} -> {_short(new)}"
        for name, (old, new) in list(changes.items())[:_SHOWN_FIELDS]
    ]
    if len(changes) > _SHOWN_FIELDS:
        parts.append(f"and {len(changes) - _SHOWN_FIELDS} more")
    text = "; ".join(parts) or reason
    return f"  {text}" if text else ""


def _short(value: object) -> str:
    text = codec.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
