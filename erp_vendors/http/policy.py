"""What to do about a failed call: one table for all vendors, with room for a vendor's own rows."""

from __future__ import annotations

import datetime as dt
import email.utils
import enum
import math
import typing as t

from erp_vendors.errors import Phase

if t.TYPE_CHECKING:
    import re

ATTEMPTS = 5
"""Attempts per call before it fails for good, unless a row says otherwise."""
CONNECT_ATTEMPTS = 7
"""Attempts to reach a vendor: about a quarter of a minute, up to half of one."""
LONGEST_WAIT = 3600.0
"""Longest wait in seconds that a vendor's Retry-After can impose; then it is asked again."""
_EARLIEST_STAMP = 1e9
"""From here on a number is a moment since 1970 rather than a duration (it is 2001, or 32 years)."""


class Action(enum.Enum):
    """What to do about a failed call."""

    RETRY = "retry"
    """Repeat after a growing pause, a few times."""
    WAIT = "wait"
    """The vendor is limiting us: repeat when it allows it, many times."""
    REAUTHENTICATE = "re-authenticate"
    """The login may have ended: repeat with a new one if it has served before (`login`)."""
    SKIP = "skip"
    """The path is only a guess of the public documents and this site does not have it."""
    FAIL = "fail"
    """Give up."""


class Failure(t.NamedTuple):
    """A failed call, as the table sees it.

    Attributes:
        phase: How far it got.
        status: HTTP status, or None without an answer.
        body: Start of the answer's text.
        repeatable: True when executing the call twice is the same as executing it once.
        optional: True when the path is a guess (marked INF in the vendor's sheet).
    """

    phase: Phase
    status: int | None
    body: str
    repeatable: bool
    optional: bool


class Rule(t.NamedTuple):
    """One row: which failures it is for, and what to do. Empty columns match everything.

    `attempts` is how often a call is tried in all before it fails for good.
    """

    action: Action
    phases: frozenset[Phase] = frozenset()
    statuses: frozenset[int] = frozenset()
    repeatable: bool | None = None
    optional: bool | None = None
    body: re.Pattern[str] | None = None
    attempts: int = ATTEMPTS

    def matches(self, failure: Failure) -> bool:
        """Whether this row is for that failure."""
        return (
            (not self.phases or failure.phase in self.phases)
            and (not self.statuses or failure.status in self.statuses)
            and (self.repeatable is None or failure.repeatable is self.repeatable)
            and (self.optional is None or failure.optional is self.optional)
            and (self.body is None or self.body.search(failure.body) is not None)
        )


RULES: tuple[Rule, ...] = (
    Rule(Action.RETRY, phases=frozenset({Phase.NOT_SENT}), attempts=CONNECT_ATTEMPTS),
    Rule(Action.RETRY, phases=frozenset({Phase.SENT}), repeatable=True),
    Rule(Action.REAUTHENTICATE, statuses=frozenset({401})),
    Rule(Action.WAIT, statuses=frozenset({429})),
    Rule(Action.SKIP, statuses=frozenset({404, 405}), optional=True),
    # A 5xx may come after the vendor has executed the call, so only repeatable calls are repeated.
    Rule(Action.RETRY, statuses=frozenset({408, 425, *range(500, 600)} - {501}), repeatable=True),
    Rule(Action.FAIL),
)


def decide(failure: Failure, rules: t.Iterable[Rule] = RULES) -> Rule:
    """Find the first row that matches.

    Args:
        failure: What happened.
        rules: The table, a vendor's own rows first.

    Returns:
        The row, which says what to do.
    """
    return next((rule for rule in rules if rule.matches(failure)), Rule(Action.FAIL))


def retry_after(value: str | None, now: dt.datetime | None = None) -> float | None:
    """Read a Retry-After header in either of its forms (RFC 9110, 10.2.3).

    Args:
        value: Seconds, or an HTTP date.
        now: The present, with zone (default: the clock).

    Returns:
        Seconds to wait, at least 0 and at most `LONGEST_WAIT`; None if absent or unreadable.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.timezone.utc)
        now = now or dt.datetime.now(dt.timezone.utc)
        seconds = (moment - now).total_seconds()
    if seconds != seconds:  # noqa: PLR0124 - "nan" reads as a float
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def reset_after(value: str | None, now: dt.datetime | None = None) -> float | None:
    """Read an X-RateLimit-Reset header, which no standard describes.

    Args:
        value: Seconds (cimcloud.md 5.1); also taken: the moment as an epoch stamp in seconds or
            milliseconds, or as an HTTP date.
        now: The present, with zone (default: the clock).

    Returns:
        Seconds to wait, at least 0 and at most `LONGEST_WAIT`; None if absent or unreadable.
    """
    try:
        stamp = float(value or "")
    except ValueError:
        return retry_after(value, now)
    if not _EARLIEST_STAMP <= stamp < math.inf:
        return retry_after(value, now)
    seconds = stamp / 1000 if stamp >= _EARLIEST_STAMP * 1000 else stamp
    now = now or dt.datetime.now(dt.timezone.utc)
    return min(max(seconds - now.timestamp(), 0.0), LONGEST_WAIT)
