"""The retry policy, row by row, and Retry-After."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from erp_vendors.errors import Phase
from erp_vendors.http.policy import (
    LONGEST_WAIT,
    RULES,
    Action,
    Failure,
    Rule,
    decide,
    reset_after,
    retry_after,
)

NOW = dt.datetime(2026, 1, 31, 12, 0, 0, tzinfo=dt.timezone.utc)


def failure(
    phase: Phase = Phase.ANSWERED,
    status: int | None = None,
    *,
    repeatable: bool = False,
    optional: bool = False,
    body: str = "",
) -> Failure:
    return Failure(phase, status, body, repeatable, optional)


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_call_that_was_not_sent_is_repeated(repeatable: bool) -> None:  # noqa: FBT001
    assert decide(failure(Phase.NOT_SENT, repeatable=repeatable)).action is Action.RETRY


@pytest.mark.parametrize(
    ("phase", "status"),
    [(Phase.SENT, None), *((Phase.ANSWERED, code) for code in (408, 425, 500, 502, 503, 504, 599))],
)
def test_a_call_that_may_have_been_executed_is_repeated_only_if_repeatable(
    phase: Phase, status: int | None
) -> None:
    assert decide(failure(phase, status, repeatable=True)).action is Action.RETRY
    assert decide(failure(phase, status, repeatable=False)).action is Action.FAIL


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_refusal_by_the_rate_limit_is_always_repeated(repeatable: bool) -> None:  # noqa: FBT001
    assert decide(failure(status=429, repeatable=repeatable)).action is Action.WAIT


@pytest.mark.parametrize("repeatable", [True, False])
def test_an_expired_token_is_renewed(repeatable: bool) -> None:  # noqa: FBT001
    assert decide(failure(status=401, repeatable=repeatable)).action is Action.REAUTHENTICATE


@pytest.mark.parametrize("status", [404, 405])
def test_only_a_guessed_path_may_be_missing(status: int) -> None:
    assert decide(failure(status=status, optional=True, repeatable=True)).action is Action.SKIP
    assert decide(failure(status=status, optional=False, repeatable=True)).action is Action.FAIL


@pytest.mark.parametrize("status", [302, 400, 403, 409, 410, 413, 422, 501])
def test_a_call_whose_answer_would_be_the_same_again_fails(status: int) -> None:
    assert decide(failure(status=status, repeatable=True)).action is Action.FAIL


def test_a_vendors_own_rows_come_first() -> None:
    overload = Rule(Action.WAIT, statuses=frozenset({400}), body=re.compile("Overload"))
    rules = (overload, *RULES)
    assert decide(failure(status=400, body="x Overload"), rules).action is Action.WAIT
    assert decide(failure(status=400, body="bad field"), rules).action is Action.FAIL
    assert decide(failure(status=500, body="Overload"), rules).action is Action.FAIL


def test_no_row_means_failure() -> None:
    assert decide(failure(Phase.NOT_SENT), ()).action is Action.FAIL


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("7", 7),
        ("0", 0),
        ("-3", 0),
        ("1.5", 1.5),
        ("99999999", LONGEST_WAIT),
        ("inf", LONGEST_WAIT),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30),
        ("Saturday, 31-Jan-26 12:00:30 GMT", 30),
        ("Sat, 31 Jan 2026 12:00:30 -0000", 30),
        ("Sat, 31 Jan 2026 11:59:00 GMT", 0),
        ("Sun, 01 Feb 2026 12:00:00 GMT", LONGEST_WAIT),
        ("Sat, 99 Jan 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_retry_after_counts_from_now() -> None:
    soon = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=100)
    told = retry_after(soon.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert told is not None
    assert 90 < told <= 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("432", 432),
        ("0.5", 0.5),
        ("0", 0),
        ("-5", 0),
        ("86400", LONGEST_WAIT),
        ("999999999", LONGEST_WAIT),
        (str(int(NOW.timestamp()) + 90), 90),
        (str(int(NOW.timestamp()) * 1000 + 90_500), 90.5),
        (str(int(NOW.timestamp()) - 90), 0),
        ("99999999999999999999", LONGEST_WAIT),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30),
        ("inf", LONGEST_WAIT),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reset_is_seconds_or_a_moment(value: str | None, seconds: float | None) -> None:
    assert reset_after(value, NOW) == seconds
