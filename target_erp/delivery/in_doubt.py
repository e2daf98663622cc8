"""Records whose answer is lost or unclear: the vendor is asked, or the record is parked."""

from __future__ import annotations

import enum
import itertools
import logging
import typing as t

from erp_vendors.errors import (
    CallError,
    ConfigError,
    DataError,
    ErpError,
    Interrupted,
    MissingResourceError,
    Phase,
)
from erp_vendors.http import codec
from target_erp.delivery.answers import AnswerShape, UnclearError
from target_erp.delivery.model import ABSENT, Finding, LookUpResult, RefusedError, Write, same_value

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.delivery")

_SERVER_ERROR = 500
_KNOWN = 3
"""Records of the ledger that are looked for beside one that seems to be absent."""
GRACE_SECONDS = 2.0
"""After a call without any answer, the vendor may still be at work on it: a record that is not
there is looked for once more after this many seconds."""


class Executed(enum.Enum):
    """Whether a call whose answer does not say so was executed."""

    YES = "yes"
    PROVEN = "proven"
    """It was this call that made or changed the record, so its answer means success."""
    NO = "no"
    """The vendor does not have this version: it may be sent again."""
    UNKNOWN = "unknown"


class LookUpError(CallError):
    """The vendor fails with a look-up ahead of a record, which is not sent therefore."""

    def __init__(self, message: str) -> None:
        super().__init__(message, phase=Phase.ANSWERED)


def teach(writer: Writer, ledger: Ledger) -> None:
    """Tell a writer which answers have proven to mean success in earlier runs.

    Args:
        writer: The sink's writer.
        ledger: Keeps what they look like.
    """
    if writer.answers is not None:
        for text in ledger.learned(writer.account, writer.stream):
            writer.answers.learn(AnswerShape.parse(codec.decode(text.encode())))


class InDoubt:
    """Asks the vendor; safe to use from many threads."""

    def __init__(self, journal: Journal, pause: t.Callable[[float], None]) -> None:
        """Make one for a run.

        Args:
            journal: Knows the ledger, which keeps what was learned about answers, and the run.
            pause: Waits for some seconds.
        """
        self._journal = journal
        self._pause = pause
        self._controls: dict[str, Write] = {}
        self._warned: set[str] = set()
        self._marked: set[str] = set()

    def mark(self, writer: Writer) -> None:
        """Let a sink's writer remember what the vendor has, before the sink's first record is sent.

        Only where the answers to its writes are not understood yet.

        Raises:
            ErpError: If the vendor fails.
        """
        answers = writer.answers
        if answers is None or answers.is_understood or writer.stream in self._marked:
            return
        self._marked.add(writer.stream)
        try:
            writer.mark()
        except ErpError as problem:
            if isinstance(problem, (ConfigError, Interrupted)) or is_down(problem):
                raise
            logger.warning("%s: what the vendor has is not known: %s", writer.stream, problem)

    def sent(self, write: Write) -> None:
        """Remember a record that the vendor has: a look-up that works must find it.

        Args:
            write: The record, of whose answer nothing is in doubt.
        """
        if not write.deletes:
            self._controls[write.stream] = write

    def look(self, writer: Writer, write: Write, *, fresh: bool) -> LookUpResult:
        """Look for a record; an absence is proven, or nobody can tell.

        Args:
            writer: Its sink.
            write: The record.
            fresh: What was learned earlier in this run does not count.

        Returns:
            Found or absent, or that nobody can tell.

        Raises:
            RefusedError: If several records have its key.
            ErpError: If the vendor cannot be asked.
        """
        look = writer.find(write, fresh=fresh)
        if look.finding is not Finding.NOT_SHOWN:
            return look
        if self._look_up_works(writer, write):
            return ABSENT
        return LookUpResult.cannot_tell(
            "nothing proves that the vendor would show it if it were there"
        )

    def before(self, writer: Writer, write: Write) -> LookUpResult | None:
        """Look for a record that may have got through before, ahead of sending it.

        Args:
            writer: Its sink.
            write: The record, whose earlier attempt may be in doubt.

        Returns:
            What was seen; None if there is nothing to look for.

        Raises:
            RefusedError: If nobody can tell, and it must not be sent therefore.
            LookUpError: If the vendor's answer makes no sense.
            ErpError: If the vendor fails.
        """
        if write.seen is not None and not write.doubtful:
            return write.seen  # the policy of its sink has asked
        there = write.known is not None and write.known.is_there
        unsure = there or (write.known is None and writer.check_before_create)
        if not (write.doubtful or (unsure and writer.can_look_up)):
            return None
        if not writer.can_look_up:
            raise _unanswered(write, "this vendor cannot be asked what came of it")
        look = self._ask_before(writer, write)
        if look.finding is Finding.CANNOT_TELL and write.doubtful:
            raise _unanswered(write, f"the vendor does not tell whether it has it ({look.why})")
        if look.unreadable:
            msg = f"{writer.stream}: cannot look whether a record exists: {look.why}"
            raise LookUpError(msg)
        if look.finding is Finding.CANNOT_TELL and writer.stream not in self._warned:
            self._warned.add(writer.stream)
            logger.warning(
                "%s: cannot look first whether a record exists (%s); only the ledger protects "
                "against doubles",
                writer.stream,
                look.why,
            )
        return look

    def _ask_before(self, writer: Writer, write: Write) -> LookUpResult:
        try:
            if write.doubtful:
                return self.look(writer, write, fresh=True)
            return writer.find(write, fresh=write.known is not None)
        except RefusedError as several:
            if write.doubtful:
                raise _unanswered(write, str(several)) from None
            raise
        except (CallError, DataError, MissingResourceError) as problem:
            if is_down(problem):
                raise
            return LookUpResult.cannot_tell(str(problem), unreadable=True)

    def settle(self, writer: Writer, write: Write, error: CallError) -> tuple[Executed, str]:
        """Find out whether a call was executed.

        Args:
            writer: Its sink.
            write: The record.
            error: What came of the call.

        Returns:
            The result, and with UNKNOWN why nobody can tell.
        """
        look = self._after(writer, write, error)
        # The next call is judged by what changes from here on, so `mark` is to be called again.
        self._marked.discard(writer.stream)
        if look.finding is Finding.CANNOT_TELL:
            return Executed.UNKNOWN, look.why
        if (look.finding is Finding.ABSENT) is not write.deletes:
            return Executed.NO, ""
        if write.deletes:
            return Executed.PROVEN, ""
        was_there = write.known is not None and write.known.is_there
        executed = _executed(write, look, new=not was_there and not writer.upsert)
        if executed is Executed.UNKNOWN:
            return executed, "the vendor has it, and does not show whether it is this version"
        if executed is not Executed.NO:
            write.vendor_id = look.vendor_id
        return executed, ""

    def _after(self, writer: Writer, write: Write, error: CallError) -> LookUpResult:
        """What the vendor has after a call that may have been executed."""
        if not writer.can_look_up or not (write.key or writer.by_contents):
            return LookUpResult.cannot_tell("this vendor cannot be asked for it")
        try:
            look = self.look(writer, write, fresh=True)
            if look.finding is Finding.ABSENT and error.unreachable and not write.deletes:
                self._pause(GRACE_SECONDS)
                look = self.look(writer, write, fresh=True)
            if look.finding is Finding.ABSENT and not self._shows_what_is_known(writer, write):
                look = LookUpResult.cannot_tell("it does not show what is known to be there either")
        except RefusedError as problem:
            return LookUpResult.cannot_tell(
                str(problem)
            )  # several have its key, and it may be one of them
        except ErpError as problem:
            logger.warning("%s: the vendor cannot be asked: %s", write.label, problem)
            return LookUpResult.cannot_tell(str(problem))
        return look

    def _shows_what_is_known(self, writer: Writer, write: Write) -> bool:
        """Whether a list that lacks a record has at least one that the ledger knows to be there."""
        if not writer.check_before_create:
            return True
        lines = self._journal.ledger.names_of(writer.account, writer.stream)
        known = [key for key, _, _ in itertools.islice(lines, _KNOWN) if key != write.identity]
        pairs = (key.partition("=")[::2] for key in known)
        controls = [
            Write(0, writer.stream, {name: value}, ((name, value),)) for name, value in pairs
        ]
        return not controls or any(
            writer.find(control, fresh=False).finding is Finding.FOUND for control in controls
        )

    def learn(self, writer: Writer, error: CallError) -> None:
        """Keep what an answer looked like that has proven to mean success.

        Args:
            writer: Its sink.
            error: The answer, as it was not understood.
        """
        if not isinstance(error, UnclearError) or not error.can_be_learned:
            return
        if writer.answers is not None:
            writer.answers.learn(error.shape)
            shape = error.shape.as_json(whole=True)
            self._journal.ledger.learn(writer.account, writer.stream, shape, self._journal.run)
            logger.info(
                "%s: answers such as %s mean success: what was sent is there",
                writer.stream,
                error.shape.as_json(),
            )

    def _look_up_works(self, writer: Writer, write: Write) -> bool:
        """Whether the look-up that saw nothing finds a record that is known to be there."""
        control = self._controls.get(writer.stream)
        if (
            control is not None
            and (control.key or writer.by_contents)
            and set(control.names).isdisjoint(write.names)
            and writer.same_look_up(write, control)
        ):
            return writer.find(control, fresh=True).finding is Finding.FOUND
        return writer.control()


def is_down(problem: ErpError) -> bool:
    """Whether the vendor fails, so that nothing can be asked.

    Args:
        problem: What came of a call.
    """
    return isinstance(problem, CallError) and (
        problem.unreachable or (problem.status or 0) >= _SERVER_ERROR
    )


def _unanswered(write: Write, why: str) -> RefusedError:
    past = "an earlier attempt was cut off" if write.doubtful else "it was not sent"
    return RefusedError(
        f"{past}, and {why}; look before you send it again",
        reason="unknown" if write.doubtful else "no_look_up",
    )


def _executed(write: Write, look: LookUpResult, *, new: bool) -> Executed:
    """Whether a record that was found is the version that was sent.

    Args:
        write: The record.
        look: What was found.
        new: The vendor had no version of it before, as far as is known.
    """
    if write.was_there is False and look.changed is not False:
        return Executed.PROVEN
    row = look.row or {}
    keys = {part for name, _ in write.key for part in name.split(",")}
    shared = [name for name in write.body if name in row and name not in keys]
    alike = all(same_value(row[name], write.body[name]) for name in shared)
    if look.changed is False:
        # A vendor may leave the stamp of a record alone that is written as it is.
        return Executed.YES if shared and alike else Executed.NO
    if shared and not alike:
        # The vendor may show a new record in another form; or it is another one with the same key.
        return Executed.UNKNOWN if new else Executed.NO
    if look.changed:
        return Executed.PROVEN
    return Executed.YES if shared or new else Executed.UNKNOWN
