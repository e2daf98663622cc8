"""What the answer to a write says: a short list of success, refusals, and everything else unclear.

A success is what the vendor documents for the sink, what the user names with `success`, or a shape
that was learned: an answer of it came, and reading the record back proved that it was executed.
"""

from __future__ import annotations

import dataclasses
import threading
import typing as t

from erp_vendors.errors import CallError, Phase
from erp_vendors.http import codec
from target_erp.delivery.unclear_answer import speaks_of_trouble

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from erp_vendors.success import Given
    from target_erp.delivery.model import Write

_SHOWN = 200
_TEXT = 100
"""Characters of a text that are part of its shape."""

_UNREADABLE = frozenset({"broken", "markup"})

Documented = t.Callable[["Answer", t.Any, "t.Sequence[Write]"], bool]
"""Whether an answer is the documented success; takes the answer, its parsed body (None where it is
no JSON) and the records that were sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class AnswerShape:
    """What answers have in common: everything but their values.

    Attributes:
        method: HTTP method of the call; empty for any but DELETE.
        status: HTTP status; 0 for any.
        type: `object`, `array`, `text`, `number`, `boolean`, `null`, `empty` (no body), `broken`
            (JSON that breaks off) or `markup` (HTML or XML); empty for any.
        members: Names of the members of an object, or of the objects of an array, sorted; of a
            text, that text, with `#` for each word that has a digit; None for any.
        blank: Where it has null, false, 0 or nothing: a count of 0 is not what a count of 1 is.
            None for any, as in the setting `success`.
    """

    method: str = ""
    status: int = 0
    type: str = ""
    members: tuple[str, ...] | None = None
    blank: tuple[str, ...] | None = None

    @classmethod
    def of(cls, answer: Answer, method: str = "POST") -> AnswerShape:
        """The shape of an answer.

        Args:
            answer: The answer.
            method: HTTP method of the call.
        """
        kind, said = _kind(answer)
        members: tuple[str, ...] | None = None
        if kind == "object":
            members = tuple(sorted(said))
        elif kind == "array":
            members = tuple(sorted({name for row in said if isinstance(row, dict) for name in row}))
        elif kind == "text":
            members = (_words(said if isinstance(said, str) else answer.text),)
        return cls(
            method if method == "DELETE" else "", answer.status, kind, members, _blanks(said)
        )

    @classmethod
    def parse(cls, given: Given) -> AnswerShape:
        """A shape from the setting `success`, or from the ledger.

        Args:
            given: Its parts; each may be left out.
        """
        members = given.get("members")
        return cls(
            "DELETE" if str(given.get("method", "")).upper() == "DELETE" else "",
            int(given.get("status", 0)),
            str(given.get("type", "")),
            None if members is None else tuple(sorted(map(str, members))),
            tuple(given["blank"]) if "blank" in given else None,
        )

    def as_json(self, *, whole: bool = False) -> str:
        """Its parts as JSON text, as the setting `success` takes them.

        Args:
            whole: With what a setting does not say, for the ledger.
        """
        parts: dict[str, t.Any] = {}
        if self.method:
            parts["method"] = self.method
        if self.status:
            parts["status"] = self.status
        if self.type:
            parts["type"] = self.type
        if self.members is not None:
            parts["members"] = list(self.members)
        if whole and self.blank is not None:
            parts["blank"] = list(self.blank)
        return codec.encode(parts).decode()

    def covers(self, other: AnswerShape) -> bool:
        """Whether an answer of another shape is one of this.

        Args:
            other: The shape of an answer.
        """
        return (
            self.method == other.method
            and self.status in {0, other.status}
            and self.type in {"", other.type}
            and (self.members is None or self.members == (other.members or ()))
        )


class UnclearError(CallError):
    """The vendor answered with success, but not with what is known to mean it.

    Attributes:
        shape: What the answer looked like.
        can_be_learned: A record that proves to be there makes its shape count from then on; never
            for a page of HTML, broken JSON, or an object that speaks of trouble.
    """

    def __init__(
        self, stream: str, answer: Answer, shape: AnswerShape, *, can_be_learned: bool
    ) -> None:
        said = " ".join(answer.text[:_SHOWN].split()) or "an empty body"
        super().__init__(
            f"{stream}: HTTP {answer.status}, but the answer is not known to mean success: {said}",
            phase=Phase.SENT,
            body=answer.text,
            attempts=answer.attempts,
        )
        self.answered_status = answer.status
        self.shape = shape
        self.can_be_learned = can_be_learned


class Answers:
    """Tells success from everything else, for one sink of one account."""

    def __init__(
        self,
        stream: str,
        *,
        documented: Documented | None = None,
        given: t.Iterable[Given] = (),
    ) -> None:
        """State what is known.

        Args:
            stream: Sink name.
            documented: What the vendor documents; None where that is unknown (UNK).
            given: The entry `success` of the user's `resources`.
        """
        self._stream = stream
        self._documented = documented
        self._given = {AnswerShape.parse(one) for one in given}
        self._learned: set[AnswerShape] = set()
        self._lock = threading.Lock()

    @property
    def is_understood(self) -> bool:
        """Whether it is known what a success looks like."""
        return self._documented is not None or bool(self._given or self._learned)

    def check(
        self,
        answer: Answer,
        writes: t.Sequence[Write],
        *,
        method: str = "POST",
        learnable: bool = True,
    ) -> t.Any:  # noqa: ANN401 - JSON can be anything
        """Let a success pass.

        What the vendor documents as a refusal is for the caller to recognise first.

        Args:
            answer: The answer, with a 2xx status.
            writes: What was sent.
            method: HTTP method of the call.
            learnable: Answers that look alike mean the same; False where values tell success from
                failure, as in an aggregate answer.

        Returns:
            The parsed body; None where it is no JSON.

        Raises:
            UnclearError: If nothing says that it is a success.
        """
        said = _kind(answer)[1]
        documented = self._documented if method != "DELETE" else None
        if documented is not None and documented(answer, said, writes):
            return said
        shape = AnswerShape.of(answer, method)
        if shape.type not in _UNREADABLE:
            trouble = speaks_of_trouble(said, writes)
            # An entry of `success` that names the members was written with them in view.
            given = (known for known in self._given if not trouble or known.members is not None)
            if any(known.covers(shape) for known in given):
                return said
            learnable = learnable and not trouble
            if learnable and shape in self._learned:
                return said
        else:
            learnable = False
        raise UnclearError(self._stream, answer, shape, can_be_learned=learnable)

    def learn(self, shape: AnswerShape) -> None:
        """From now on an answer of this shape is a success.

        Args:
            shape: The shape of an answer that can be learned (`UnclearError.can_be_learned`).
        """
        with self._lock:
            self._learned = {*self._learned, shape}

    def snippet(self, shape: AnswerShape) -> str:
        """The setting with which the user says that answers of a shape are a success."""
        _, _, resource = self._stream.partition("_")
        name = codec.encode(resource).decode()
        return f'resources: [{{"name": {name}, "success": {shape.as_json()}}}]'


def _kind(answer: Answer) -> tuple[str, t.Any]:
    """The type of a body, and what it says; None where it is no JSON."""
    body = answer.body.strip()
    if not body:
        return "empty", None
    try:
        said = answer.json()
    except ValueError:
        if body[:1] == b"<":
            return "markup", None
        return ("broken" if body[:1] in {b"{", b"[", b'"'} else "text"), None
    if said is None:
        return "null", None
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (dict, "object"),
        (list, "array"),
        (str, "text"),
    )
    return next((name for kind, name in kinds if isinstance(said, kind)), "number"), said


def _blanks(said: t.Any) -> tuple[str, ...]:  # noqa: ANN401
    """Paths in a body that lead to null, false, 0 or nothing."""
    found = set()
    left = [("", said)]
    while left:
        path, one = left.pop()
        if isinstance(one, dict) and one:
            left += [(f"{path}.{name}", value) for name, value in one.items()]
        elif isinstance(one, list) and one:
            left += [(f"{path}[]", value) for value in one]
        elif not one or (isinstance(one, str) and not one.strip("0. ")):
            found.add(path)
    return tuple(sorted(found))


def _words(text: str) -> str:
    """A text without what differs from one answer to the next, such as ids and times."""
    words = ("#" if any(map(str.isdigit, word)) else word for word in text.split())
    return " ".join(words)[:_TEXT]
