"""Answers that speak of trouble, whatever their status: what is in them is no success."""

from __future__ import annotations

import functools
import re
import typing as t

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Write

_KINDS = {
    "success": re.compile(r"(is)?(success|succeeded|successful|ok|valid)"),
    "status": re.compile(r"(http|response|result)?(status|code|statuscode|result|state|outcome)"),
    "error": re.compile(r"errs?|err(msg|code|no)|.*errors?|error.*|.*exception.*|(soap)?faults?"),
    "message": re.compile(r"(.*message|msg|detail|details|reason|title)s?"),
}
"""Members by what they say, as their names have it without case and signs; the first one counts."""
_FAILED = frozenset(
    {
        *("error", "errors", "failed", "failure", "fail", "exception", "fault", "invalid"),
        *("rejected", "refused", "denied", "forbidden", "unauthorized", "unavailable"),
        *("maintenance", "timeout", "nok", "ko"),
    }
)
_NO = frozenset({"false", "no", "0"})
_NOTHING = frozenset({"none", "null", "ok", "success", "false"})
_STATUSES = range(400, 600)


def speaks_of_trouble(said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401
    """Whether an answer has an error anywhere, or a message and no sign of a record that was sent.

    What it only repeats of the records says nothing.

    Args:
        said: The parsed body.
        writes: What was sent.
    """
    kinds = {
        kind
        for name, value in members_of(said)
        if (kind := _trouble(name, value)) and not _repeats(name, value, writes)
    }
    return (
        said is False or "error" in kinds or ("message" in kinds and not shows_record(said, writes))
    )


def shows_record(said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401
    """Whether a key of a record that was sent stands in an answer, under its own name.

    Args:
        said: The parsed body.
        writes: What was sent.
    """
    wanted = {pair for write in writes for pair in pairs_of(write)}
    return any((bare(name), text_of(value)) in wanted for name, value in members_of(said))


@functools.lru_cache(maxsize=4096)
def bare(name: str) -> str:
    """A member's name without case and signs."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


@functools.lru_cache(maxsize=4096)
def _says(name: str) -> str:
    return next((kind for kind, names in _KINDS.items() if names.fullmatch(bare(name))), "")


def pairs_of(write: Write, *keys: tuple[str, str]) -> t.Iterator[tuple[str, str]]:
    """A record's keys, each property by itself, as they are compared.

    Args:
        write: The record.
        *keys: Some of its keys (default: all).
    """
    for names, value in keys or write.key:
        for name in names.split(","):
            one = value if name == names else write.record.get(name)
            if one not in (None, ""):
                yield bare(name), text_of(one)


def members_of(said: t.Any) -> t.Iterator[tuple[str, t.Any]]:  # noqa: ANN401
    """All members of all objects, at any depth.

    Args:
        said: A parsed body.
    """
    left = [said]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield from one.items()
            left += one.values()
        elif isinstance(one, list):
            left += one


def _trouble(name: str, value: object) -> str:
    """What a member speaks of: `error`, `message`, or nothing."""
    kind = _says(name)
    if not kind:
        return ""
    text = text_of(value)
    if kind == "success":
        return "error" if text in _NO else ""
    if kind == "status":
        return "error" if text in _FAILED or _is_failure(text) else ""
    is_nothing = value in (None, [], {}) or not text.strip("0") or text in _NOTHING
    return "" if is_nothing else kind


def _is_failure(text: str) -> bool:
    return text.isdecimal() and len(text) == 3 and int(text) in _STATUSES  # noqa: PLR2004


def _repeats(name: str, value: object, writes: t.Iterable[Write]) -> bool:
    return any(name in write.body and write.body[name] == value for write in writes)


def text_of(value: object) -> str:
    """A value as it is compared: vendors take no notice of case.

    Args:
        value: Anything that JSON can hold.
    """
    return "" if isinstance(value, (dict, list)) and not value else str(value).strip().casefold()
