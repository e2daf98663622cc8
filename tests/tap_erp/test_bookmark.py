"""Bookmarks: nothing is lost, nothing is emitted twice, whatever happens between the runs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tracemalloc
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_erp.bookmark import Bookmark, fingerprint
from tap_erp.stamps import earlier, from_iso, to_epoch_ms, to_iso
from tests.support.scale import full

LOOKBACK = 100
UNIT = dt.timedelta(seconds=700)
State = dict[str, t.Any]


def in_ms(state: State, **more: t.Any) -> Bookmark:
    return Bookmark(state, "at", floor=lambda stamp: stamp - LOOKBACK, parse=to_epoch_ms, **more)


def whole_day(stamp: str) -> str:
    day = dt.datetime.combine(earlier(from_iso(stamp), LOOKBACK * UNIT), dt.time())
    return day.isoformat(timespec="microseconds")


def in_iso(state: State, **more: t.Any) -> Bookmark:
    return Bookmark(state, "at", floor=whole_day, parse=to_iso, **more)


def as_ms(moment: int) -> int:
    return moment


def as_iso(moment: int) -> str:
    text = to_iso((dt.datetime(2026, 1, 1) + moment * UNIT).isoformat())  # noqa: DTZ001
    assert text is not None
    return text


def stored(bookmark: Bookmark) -> State:
    """The state as it comes back from a file."""
    state: State = json.loads(json.dumps(bookmark.state()))
    return state


def test_a_first_run_wants_everything_and_has_no_state_before_its_first_record() -> None:
    bookmark = in_ms({})
    assert bookmark.wants(-5, "a")
    assert bookmark.wants(None, "b")
    assert bookmark.state() == {}
    bookmark.emitted(None, "b")
    assert bookmark.state() == {}


def test_a_start_wants_nothing_older() -> None:
    bookmark = in_ms({}, start=1000)
    assert [bookmark.wants(stamp) for stamp in (999, 1000, None)] == [False, True, True]


def test_the_window_below_the_bookmark_is_looked_at_again_and_not_emitted_again() -> None:
    bookmark = in_ms({})
    for stamp in (800, 900, 950, 1000):
        bookmark.emitted(stamp, f"r{stamp}")
    again = in_ms(stored(bookmark))
    assert again.value == 1000
    assert again.since == 900
    assert [again.wants(stamp, f"r{stamp}") for stamp in (800, 900, 950, 1000)] == [False] * 4
    assert again.wants(950, "late"), "arrived late"
    assert again.wants(1000, "tie"), "equal stamp"
    assert not again.wants(899, "too late")


def test_fingerprints_below_the_window_are_forgotten() -> None:
    bookmark = in_ms({})
    for stamp in range(0, 10_000, 10):
        bookmark.emitted(stamp, f"r{stamp}")
    overlap = bookmark.state()["overlap"]
    assert sorted(map(int, overlap)) == list(range(9890, 10_000, 10))


@pytest.mark.parametrize("order", [1, -1])
def test_a_window_that_fits_into_the_state_is_kept_however_much_came_besides(order: int) -> None:
    with mock.patch.multiple("tap_erp.bookmark", OVERLAP_LIMIT=60, _SLACK=10):
        bookmark = in_ms({})
        for stamp in range(0, 10_000, 2)[::order]:
            bookmark.emitted(stamp, f"r{stamp}")
        assert sorted(map(int, stored(bookmark)["overlap"])) == list(range(9898, 10_000, 2))
        bookmark.hold(9_950)
        assert min(map(int, bookmark.state()["overlap"]), default=None) is None, "it is wider now"
        bookmark.release(upto=9_000)
        assert bookmark.state()["replication_key_value"] == 9_998


@pytest.mark.parametrize("ties", [60, 61, 500])
def test_a_window_that_does_not_fit_is_not_kept_in_part(ties: int) -> None:
    with mock.patch.multiple("tap_erp.bookmark", OVERLAP_LIMIT=60, _SLACK=10):
        bookmark = in_ms({})
        for number in range(1_000):
            bookmark.emitted(number, f"early {number}")
        for number in range(ties):
            bookmark.emitted(5_000, f"r{number}")
        overlap = bookmark.state()["overlap"]
        assert [len(texts) for texts in overlap.values()] == ([60] if ties == 60 else [])


def test_content_replaced_within_the_run_may_come_back_in_a_later_one() -> None:
    bookmark = in_ms({})
    bookmark.emitted(1000, "a")
    bookmark.forget("a")
    bookmark.emitted(1000, "b")
    again = in_ms(stored(bookmark))
    assert again.wants(1000, "a")
    assert not again.wants(1000, "b")


def test_memory_does_not_grow_with_what_was_emitted() -> None:
    def peak(records: int) -> int:
        bookmark = in_ms({})
        tracemalloc.start()
        for number in range(records):
            bookmark.emitted(7, f"r{number}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    with mock.patch.multiple("tap_erp.bookmark", OVERLAP_LIMIT=500, _SLACK=100):
        # Threads of other tests may allocate meanwhile; 18,000 fingerprints would be a megabyte.
        assert peak(20_000) < peak(2_000) + 300_000


def test_a_stamp_in_the_future_does_not_carry_the_bookmark_there() -> None:
    bookmark = in_ms({}, ceiling=1000)
    bookmark.emitted(990, "now")
    bookmark.emitted(99_999, "future")
    assert bookmark.state()["replication_key_value"] == 1000
    again = in_ms(stored(bookmark))
    assert again.wants(1001, "later")
    assert not again.wants(99_999, "future")


def test_a_record_that_could_not_be_read_holds_the_bookmark() -> None:
    bookmark = in_ms({})
    bookmark.emitted(500, "a")
    bookmark.hold(600)
    bookmark.hold(None)
    bookmark.emitted(900, "b")
    assert bookmark.state()["replication_key_value"] == 600
    again = in_ms(stored(bookmark))
    assert again.wants(600, "unread")
    assert not again.wants(900, "b")
    bookmark.release(upto=900)
    assert bookmark.state()["replication_key_value"] == 900
    again.emitted(600, "unread")
    assert again.state()["replication_key_value"] == 600
    again.release(upto=900)
    assert again.state()["replication_key_value"] == 900, "as far as the first run came"


def test_a_record_seen_ahead_of_the_list_does_not_carry_the_bookmark_there() -> None:
    bookmark = in_ms({})
    bookmark.emitted(500, "a")
    bookmark.remember(900, "newer a")
    bookmark.release(upto=500)
    again = in_ms(stored(bookmark))
    assert again.value == 500
    assert again.wants(700, "b")
    assert not again.wants(900, "newer a")


def test_a_late_record_that_could_not_be_read_does_not_carry_the_bookmark_back() -> None:
    bookmark = in_ms({})
    for stamp in (850, 950, 1000):
        bookmark.emitted(stamp, f"r{stamp}")
    second = in_ms(stored(bookmark))
    second.hold(920)
    second.emitted(1100, "new")
    third = in_ms(stored(second))
    assert third.wants(920, "unread")
    assert not third.wants(850, "r850"), "read by the first run"
    assert not third.wants(1100, "new")


def test_another_bookmark_field_voids_the_state() -> None:
    bookmark = in_ms(
        {"replication_key": "other", "replication_key_value": 5, "overlap": {"5": ["a"]}}
    )
    assert (bookmark.value, bookmark.since) == (None, None)
    assert bookmark.wants(5, "a")


@pytest.mark.parametrize("overlap", [None, {}, {"soon": ["a"]}])
def test_a_state_without_usable_overlap_emits_the_window_again(overlap: object) -> None:
    bookmark = in_ms({"replication_key": "at", "replication_key_value": "1000", "overlap": overlap})
    assert bookmark.value == 1000
    assert bookmark.wants(900, "a")
    assert not bookmark.wants(899, "a")


@pytest.mark.parametrize("stamp", ["0001-01-01", "9999-12-31T23:59:59"])
def test_dates_that_mean_unknown_are_survived(stamp: str) -> None:
    value = to_iso(stamp)
    bookmark = in_iso({}, ceiling="2026-06-01T00:00:00.000000")
    bookmark.emitted(value, "a")
    again = in_iso(stored(bookmark))
    assert not again.wants(value, "a")
    assert again.wants("2026-06-01T00:00:00.000000", "b")


def test_fingerprints_tell_parts_apart() -> None:
    assert fingerprint("a", "b") == fingerprint("a", b"b")
    assert (
        len({fingerprint("ab"), fingerprint("a", "b"), fingerprint("b", "a"), fingerprint()}) == 4
    )
    assert len(fingerprint("x" * 10_000)) == 11


@dataclasses.dataclass
class Vendor:
    """Records and their stamps, and what a reader with a bookmark has emitted of them."""

    make: t.Callable[..., Bookmark]
    stamp: t.Callable[[int], t.Any]
    is_sorted: bool
    now: int = 1000
    rows: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    state: State = dataclasses.field(default_factory=dict)
    versions: int = 0
    emitted: set[tuple[int, int]] = dataclasses.field(default_factory=set)
    covered: set[tuple[int, int]] = dataclasses.field(default_factory=set)
    twice: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def write(self, key: int, behind: int) -> None:
        """A change now; its stamp may be behind or ahead, but not behind that row's last one."""
        self.versions += 1
        moment = self.now - behind
        old = self.rows.get(key)
        if old is not None and moment <= old[0]:
            moment = old[0] + 1
        self.rows[key] = (moment, self.versions)

    def run(
        self, stop: int | None = None, keep: int = 0, broken: frozenset[int] = frozenset()
    ) -> None:
        """Read what the bookmark wants.

        Args:
            stop: Killed after so many records.
            keep: How many of these the last STATE knows of.
            broken: Rows that cannot be read in this run.
        """
        bookmark = self.make(self.state, ceiling=self.stamp(self.now))
        todo = [(self.stamp(moment), key, version) for key, (moment, version) in self.rows.items()]
        if self.is_sorted:
            todo = sorted(row for row in todo if bookmark.wants(row[0], fingerprint(*row[1:])))
        fresh: set[tuple[int, int]] = set()
        for number, (stamp, key, version) in enumerate(todo):
            if number == stop:
                return
            if key in broken and self.is_sorted:
                bookmark.hold(stamp)
            elif bookmark.wants(stamp, fingerprint(key, version)):
                self.twice += {(key, version)} & self.covered
                fresh.add((key, version))
                bookmark.emitted(stamp, fingerprint(key, version))
            if self.is_sorted and stop is not None and number < keep:
                self.keep(bookmark, fresh)
        self.emitted |= fresh
        if self.is_sorted:
            listed = [self.stamp(moment) for moment, _ in self.rows.values()]
            bookmark.release(upto=max(listed, default=None))
            for stamp, key, _ in todo:
                bookmark.hold(stamp if key in broken else None)
        self.keep(bookmark, fresh)

    def keep(self, bookmark: Bookmark, fresh: set[tuple[int, int]]) -> None:
        """A STATE reaches the runner, and with it all that was emitted before."""
        self.state = stored(bookmark) or self.state
        self.covered |= fresh
        self.emitted |= fresh


KEYS = st.integers(0, 3)
WRITE = st.tuples(st.just("write"), KEYS, st.sampled_from([0, 0, 0, 1, 50, 99, -30]))
STEPS = st.lists(
    st.one_of(
        WRITE,
        WRITE,
        st.tuples(st.just("tick"), st.sampled_from([1, 60, 150]), st.none()),
        st.tuples(st.just("run"), st.none(), st.none()),
        st.tuples(st.just("kill"), st.integers(0, 4), st.integers(0, 4)),
        st.tuples(st.just("break"), KEYS, st.none()),
    ),
    min_size=15,
    max_size=40,
)


def play(vendor: Vendor, steps: list[tuple[str, t.Any, t.Any]]) -> None:
    for what, first, second in steps:
        if what == "write":
            vendor.write(first, second)
        elif what == "tick":
            vendor.now += first
        elif what == "run":
            vendor.run()
        elif what == "kill":
            vendor.run(stop=first, keep=second)
        else:
            vendor.run(broken=frozenset({first}))
    vendor.run()


@settings(max_examples=full(20, 150), deadline=None)
@given(STEPS)
def test_sorted_reading_in_milliseconds_loses_nothing_and_repeats_nothing(
    steps: list[tuple[str, t.Any, t.Any]],
) -> None:
    vendor = Vendor(in_ms, as_ms, is_sorted=True)
    play(vendor, steps)
    assert {(key, version) for key, (_, version) in vendor.rows.items()} <= vendor.emitted
    assert vendor.twice == []


@settings(max_examples=full(20, 150), deadline=None)
@given(STEPS)
def test_unsorted_reading_of_whole_days_loses_nothing_and_repeats_nothing(
    steps: list[tuple[str, t.Any, t.Any]],
) -> None:
    vendor = Vendor(in_iso, as_iso, is_sorted=False)
    play(vendor, steps)
    assert {(key, version) for key, (_, version) in vendor.rows.items()} <= vendor.emitted
    assert vendor.twice == []


@settings(max_examples=full(15, 100), deadline=None)
@given(STEPS)
def test_an_overlap_too_large_for_the_state_loses_nothing(
    steps: list[tuple[str, t.Any, t.Any]],
) -> None:
    with mock.patch("tap_erp.bookmark.OVERLAP_LIMIT", 2):
        for vendor in (
            Vendor(in_ms, as_ms, is_sorted=True),
            Vendor(in_iso, as_iso, is_sorted=False),
        ):
            play(vendor, steps)
            assert {(key, version) for key, (_, version) in vendor.rows.items()} <= vendor.emitted
            overlap = vendor.state.get("overlap", {})
            assert sum(len(texts) for texts in overlap.values()) <= 2
