"""What the answer to a write says: a short list of success, refusals, and everything else unclear.

A success is what the vendor documents for the sink, what the user names with `success`, or a shape
that was learned: an answer of it came, and reading the record back proved that it was executed.
"""

from __future__ import annotations

import dataclasses
import threading
import typing as t

from erp_vendors.errors import CallError, ConfigError, Phase
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from target_erp.delivery.outcome import Write

_TROUBLE = ("error", "errormessage", "errors", "exception", "exceptionmessage", "fault", "message")
"""Members, without regard to case, that speak of trouble unless the answer shows the record."""
_SUCCESS = ("success", "succeeded", "issuccess", "ok")
_STATUS = ("status", "result", "state")
_FAILED = ("error", "failed", "failure", "fail")
_SHOWN = 200
_TYPES = frozenset({"object", "array", "text", "number", "boolean", "null", "empty"})

Documented = t.Callable[["Answer", t.Any, "t.Sequence[Write]"], bool]
"""Whether an answer is the documented success; takes the answer, its parsed body (None where it is
no JSON) and the records that were sent."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What answers have in common: everything but their values.

    Attributes:
        method: HTTP method of the call; empty for POST, and in a setting for PUT, too.
        status: HTTP status; 0 for any.
        type: `object`, `array`, `text`, `number`, `boolean`, `null`, `empty` (no body), `broken`
            (JSON that breaks off) or `markup` (HTML or XML); empty for any.
        members: Names of the members of an object, or of the objects of an array, sorted; None for
            any.
    """

    method: str = ""
    status: int = 0
    type: str = ""
    members: tuple[str, ...] | None = None

    @classmethod
    def of(cls, answer: Answer, method: str = "POST") -> Shape:
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
        return cls("" if method == "POST" else method, answer.status, kind, members)

    @classmethod
    def parse(cls, given: t.Mapping[str, t.Any]) -> Shape:
        """A shape from the setting `success`, or from the ledger.

        Args:
            given: Its parts; each may be left out.
        """
        members = given.get("members")
        return cls(
            str(given.get("method", "")).upper().replace("POST", ""),
            int(given.get("status", 0)),
            str(given.get("type", "")),
            None if members is None else tuple(sorted(map(str, members))),
        )

    def as_json(self) -> str:
        """Its parts as JSON text, as the setting `success` takes them."""
        parts: dict[str, t.Any] = {}
        if self.method:
            parts["method"] = self.method
        if self.status:
            parts["status"] = self.status
        if self.type:
            parts["type"] = self.type
        if self.members is not None:
            parts["members"] = list(self.members)
        return codec.encode(parts).decode()

    def covers(self, other: Shape) -> bool:
        """Whether an answer of another shape is one of this.

        Args:
            other: The shape of an answer.
        """
        return (
            (self.method == other.method or (not self.method and other.method == "PUT"))
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

    def __init__(self, stream: str, answer: Answer, shape: Shape, *, can_be_learned: bool) -> None:
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
        given: t.Iterable[t.Mapping[str, t.Any]] = (),
    ) -> None:
        """State what is known.

        Args:
            stream: Sink name.
            documented: What the vendor documents; None where that is unknown (UNK).
            given: The entry `success` of the user's `resources`.
        """
        self._stream = stream
        self._documented = documented
        self._given = {Shape.parse(one) for one in given}
        self._learned: set[Shape] = set()
        self._lock = threading.Lock()

    @property
    def is_understood(self) -> bool:
        """Whether it is known what a success looks like."""
        return self._documented is not None or bool(self._given or self._learned)

    def check(self, answer: Answer, writes: t.Sequence[Write], *, method: str = "POST") -> t.Any:  # noqa: ANN401 - JSON can be anything
        """Let a success pass.

        What the vendor documents as a refusal is for the caller to recognise first.

        Args:
            answer: The answer, with a 2xx status.
            writes: What was sent.
            method: HTTP method of the call.

        Returns:
            The parsed body; None where it is no JSON.

        Raises:
            UnclearError: If nothing says that it is a success.
        """
        shape = Shape.of(answer, method)
        said = _kind(answer)[1]
        if any(known.covers(shape) for known in self._given):
            return said
        documented = self._documented if method != "DELETE" else None
        if documented is not None and documented(answer, said, writes):
            return said
        hopeless = shape.type in {"broken", "markup"} or speaks_of_trouble(said, writes)
        if not hopeless and shape in self._learned:
            return said
        raise UnclearError(self._stream, answer, shape, can_be_learned=not hopeless)

    def learn(self, shape: Shape) -> None:
        """From now on an answer of this shape is a success.

        Args:
            shape: The shape; one that is hopeless never gets here.
        """
        with self._lock:
            self._learned = {*self._learned, shape}

    def snippet(self, shape: Shape) -> str:
        """The setting with which the user says that answers of a shape are a success.

        Args:
            shape: The shape.
        """
        _, _, resource = self._stream.partition("_")
        name = codec.encode(resource).decode()
        return f'resources: [{{"name": {name}, "success": {shape.as_json()}}}]'


def success_schema() -> dict[str, t.Any]:
    """JSON schema of the entry `success` of `resources`: a shape, or a list of shapes."""
    one = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "method": {"type": "string", "enum": ["POST", "PUT", "DELETE"]},
            "status": {"type": "integer", "minimum": 200, "maximum": 299},
            "type": {"type": "string", "enum": sorted(_TYPES)},
            "members": {"type": "array", "items": {"type": "string"}},
        },
    }
    return {"anyOf": [one, {"type": "array", "items": one}]}


def shapes_of(setting: t.Any) -> list[t.Mapping[str, t.Any]]:  # noqa: ANN401 - checked here
    """The shapes that the entry `success` names.

    Args:
        setting: The entry, or None.

    Raises:
        ConfigError: If it is neither an object nor a list of objects.
    """
    shapes = [setting] if isinstance(setting, dict) else list(setting or ())
    if not all(isinstance(shape, dict) and shape for shape in shapes):
        msg = "success is an object such as {status: 200, type: object, members: [id]}, or a list"
        raise ConfigError(msg)
    return shapes


def speaks_of_trouble(said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401
    """Whether an answer has an error or message member, and no sign of a record that was sent.

    Args:
        said: The parsed body.
        writes: What was sent.
    """
    if isinstance(said, list):
        return any(speaks_of_trouble(row, writes) for row in said if isinstance(row, dict))
    if not isinstance(said, dict):
        return False
    trouble = any(_is_trouble(name.lower().replace("_", ""), value) for name, value in said.items())
    return trouble and not shows_record(said, writes)


def _is_trouble(name: str, value: object) -> bool:
    if name in _SUCCESS:
        return value is False or str(value).casefold() == "false"
    if name in _STATUS:
        return str(value).casefold() in _FAILED
    return name in _TROUBLE and value not in (None, "", [], {}, False)


def shows_record(said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401
    """Whether a key of a record that was sent stands anywhere in an answer.

    Args:
        said: The parsed body.
        writes: What was sent.
    """
    wanted = {value for write in writes for _, value in write.key}
    return _mentions(said, wanted)


def _mentions(said: t.Any, wanted: t.Collection[str]) -> bool:  # noqa: ANN401
    if isinstance(said, dict):
        return any(_mentions(value, wanted) for value in said.values())
    if isinstance(said, list):
        return any(_mentions(value, wanted) for value in said)
    return said is not None and not isinstance(said, bool) and str(said) in wanted


def _kind(answer: Answer) -> tuple[str, t.Any]:
    """The type of a body, and what it says; None where it is no JSON."""
    body = answer.body.strip()
    if not body:
        return "empty", None
    try:
        said = answer.json()
    except (ValueError, RecursionError):
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
