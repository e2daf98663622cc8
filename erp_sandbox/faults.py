"""Faults on purpose: rules that spoil the answer of matching calls."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox import jsontext
from erp_sandbox.exchange import SandboxAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from erp_sandbox.exchange import SandboxCall

KINDS = (
    "status",
    "status_after",
    "cut_before",
    "cut_after",
    "half_body",
    "delay",
    "garbage",
    "wrong_type",
)
"""``status`` and ``cut_before`` do not execute the call, ``delay`` comes before it, the others
execute it first."""

TRUNCATED = "truncated"
"""As the ``body`` of a ``garbage`` rule: send the first half of the true answer, with a
Content-Length that fits the half."""

_PAGE = "<!DOCTYPE html><html><head><title>Please sign in</title></head><body></body></html>"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "vendor": str,
    "method": str,
    "path": str,
    "kind": str,
    "after": int,
    "times": int,
    "probability": (int, float),
    "status": int,
    "headers": dict,
    "seconds": (int, float),
}


@dataclass
class SandboxFault:
    """One rule.

    Attributes:
        kind: One of :data:`KINDS`.
        vendor: Only this vendor's calls.
        method: Only calls with this verb.
        path: Only calls whose percent-decoded path after the vendor's prefix has a match for
            this regular expression.
        after: Matching calls to let pass first.
        times: Matching calls to spoil, then the rule is spent; None means all.
        probability: Chance that a matching call is spoilt, 0 to 1; passed ones are not counted
            in ``times``.
        status: HTTP status to answer with (kinds ``status`` and ``status_after``: 503 if none
            is given; ``garbage`` and ``wrong_type``: 200).
        headers: Headers to add to the answer.
        body: Text or JSON value to answer with, instead of the kind's own.
        seconds: How long ``delay`` lasts (1 if none is given).
    """

    kind: str
    vendor: str | None = None
    method: str | None = None
    path: str | None = None
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None
    seconds: float = 1.0
    seen: int = 0
    used: int = 0

    @classmethod
    def from_json(cls, rule: object) -> SandboxFault:
        """Check and build a rule.

        Raises:
            ValueError: The rule is not usable; the text says why.
        """
        if not isinstance(rule, dict):
            message = "a fault rule is an object"
            raise ValueError(message)  # noqa: TRY004 - one kind of error for all bad rules
        values: dict[str, Any] = {}
        for name, value in rule.items():
            if name != "body":
                allowed = _TYPES.get(name)
                if allowed is None:
                    message = f"unknown property {name!r}; known: {', '.join([*_TYPES, 'body'])}"
                    raise ValueError(message)
                if value is None:
                    continue
                number = _number(value) if allowed == (int, float) else value
                if not isinstance(number, allowed) or isinstance(value, bool):
                    message = f"property {name!r} has the wrong type"
                    raise ValueError(message)
                values[name] = number
            else:
                values[name] = value
        if values.get("kind") not in KINDS:
            message = f"'kind' must be one of {', '.join(KINDS)}"
            raise ValueError(message)
        try:
            re.compile(values.get("path", ""))
        except re.error as error:
            message = f"'path' is no regular expression: {error}"
            raise ValueError(message) from error
        return cls(**values)

    def matches(self, call: SandboxCall) -> bool:
        """Return whether this rule is about the call."""
        return (
            self.vendor in {None, call.vendor}
            and (self.method is None or self.method.upper() == call.method)
            and (self.path is None or re.search(self.path, call.path) is not None)
            and (self.times is None or self.used < self.times)
        )

    def as_json(self) -> dict[str, object]:
        """Return the rule with how often it was seen and used."""
        shown = {name: getattr(self, name) for name in (*_TYPES, "body", "seen", "used")}
        shown["probability"] = str(self.probability)
        shown["seconds"] = str(self.seconds)
        return shown

    def own_answer(self, status: int, otherwise: str) -> SandboxAnswer:
        """Return the rule's status, headers and body as an answer."""
        answer = SandboxAnswer(self.status or status, headers=dict(self.headers))
        if isinstance(self.body, str) or self.body is None:
            text = otherwise if self.body is None else self.body
            kind = "text/html" if text.lstrip().startswith("<") else "text/plain"
            answer.body, answer.content_type = text.encode(), f"{kind}; charset=utf-8"
        else:
            answer.body = jsontext.dumps(self.body)
        return answer

    def spoil(self, answer: SandboxAnswer) -> SandboxAnswer:
        """Return what is sent instead of the true answer of an executed call."""
        if self.kind == "status_after":
            spoilt = self.own_answer(503, "Service Unavailable")
        elif self.kind == "garbage" and self.body == TRUNCATED:
            half = answer.body[: len(answer.body) // 2]
            spoilt = SandboxAnswer(
                self.status or 200, half, answer.content_type, dict(self.headers)
            )
        elif self.kind == "garbage":
            spoilt = self.own_answer(200, _PAGE)
        elif self.kind == "wrong_type":
            spoilt = self._other_type(answer)
        else:
            return answer
        spoilt.headers = {**answer.headers, **spoilt.headers}
        return spoilt

    def _other_type(self, answer: SandboxAnswer) -> SandboxAnswer:
        """Return an array where an object belongs, an object where anything else does."""
        if self.body is not None:
            spoilt = self.own_answer(200, "")
        else:
            try:
                value = jsontext.loads(answer.body) if answer.body else None
            except ValueError:  # XML, CSV, or a vendor's illegal number
                value = answer.body.decode(errors="replace")
            other: object = [value] if isinstance(value, dict) else {"value": value}
            spoilt = SandboxAnswer(
                self.status or 200, jsontext.dumps(other), headers=dict(self.headers)
            )
        spoilt.content_type = answer.content_type
        return spoilt


def _number(value: object) -> object:
    return float(value) if isinstance(value, (int, float, Decimal)) else value


class Faults:
    """The rules in force.

    Args:
        seed: Seed of the rules with a probability.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - repeatable on purpose
        self._rules: list[SandboxFault] = []

    def add(self, rules: object) -> None:
        """Add one rule or a list of rules, all or none.

        Raises:
            ValueError: One of them is not usable.
        """
        items: Sequence[object] = rules if isinstance(rules, list) else [rules]
        self._rules.extend([SandboxFault.from_json(rule) for rule in items])

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    def as_json(self) -> list[Mapping[str, object]]:
        """Return the rules with their counts."""
        return [rule.as_json() for rule in self._rules]

    def pick(self, call: SandboxCall) -> tuple[float, SandboxFault | None]:
        """Return what the rules do to a call.

        Returns:
            Seconds of delay (of all matching ``delay`` rules together), and the first other rule
            that strikes, or None.
        """
        seconds = 0.0
        for rule in self._rules:
            if not rule.matches(call):
                continue
            rule.seen += 1
            if rule.seen <= rule.after:
                continue
            if rule.probability < 1.0 and self._random.random() >= rule.probability:
                continue
            rule.used += 1
            if rule.kind != "delay":
                return seconds, rule
            seconds += rule.seconds
        return seconds, None
