"""An outage ends the run and refuses nothing, however few records it meets; a record that alone
fails, run after run, ends in the dead letters."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from erp_vendors.errors import CallError, Phase
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import AnswerShape, UnclearError
from target_erp.delivery.model import LookUpResult
from tests.support.scale import mostly_nightly
from tests.target_erp.acting import FAILURES, Run, Site, Stage, answer

if t.TYPE_CHECKING:
    import pathlib

    from target_erp.delivery import Write

pytestmark = pytest.mark.slow

KINDS = [*FAILURES, "unclear"]


def failure(kind: str) -> Exception:
    if kind == "unclear":
        said = answer(b"<html>log in</html>")
        return UnclearError(Site.stream, said, AnswerShape.of(said), can_be_learned=False)
    return FAILURES[kind]()


def fails(kind: str, *keys: str) -> t.Callable[[list[Write]], None]:
    """Fails with calls that hold one of some records, before they are executed (none: all)."""

    def act(writes: list[Write]) -> None:
        if not keys or any(write.body["key"] in keys for write in writes):
            raise failure(kind)

    return act


def rows(count: int, **more: t.Any) -> list[dict[str, t.Any]]:
    return [{"key": f"k{number}", **more} for number in range(count)]


def upserts(**more: t.Any) -> Site:
    return Site(upsert=True, can_look_up=True, **more)


def creates(**more: t.Any) -> Site:
    return Site(can_look_up=True, control=lambda: True, **more)


SINKS = pytest.mark.parametrize("sink", [upserts, creates])


@pytest.mark.parametrize(
    ("batch", "count", "kind", "sink"),
    mostly_nightly(itertools.product((1, 8), (1, 2, 3, 40), KINDS, (upserts, creates))),
)
def test_the_size_of_the_input_does_not_decide_what_an_outage_is(
    sink: t.Callable[..., Site], kind: str, count: int, batch: int, tmp_path: pathlib.Path
) -> None:
    site = sink()
    if site.upsert:
        site.batch_size = batch
    site.act = fails(kind)
    stage = Stage(tmp_path)
    run = stage.run(site, rows(count))
    assert run.error
    assert (run["refused"], run["unknown"], run.delivery.watermark.settled) == (0, 0, 0)
    assert stage.letters == []
    assert len(site.calls) < 40
    site.act = lambda _: None
    run = stage.run(site, rows(count))
    assert (run.error, sum(run.counts.values()), len(site.rows)) == ("", count, count)


@SINKS
@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_alone_fails_in_three_runs_is_refused(
    sink: t.Callable[..., Site], kind: str, tmp_path: pathlib.Path
) -> None:
    site, stage = sink(), Stage(tmp_path)
    for number in range(1, 4):
        site.act = fails(kind, "k1")
        fresh = [{"key": f"k{n}", "run": number} for n in (0, 2, 3)]
        if not site.upsert:
            fresh = [{"key": f"k{n}-{number}"} for n in (0, 2, 3)]
        run = stage.run(site, [fresh[0], {"key": "k1"}, *fresh[1:]])
        assert run["refused"] == (number == 3)
        assert bool(run.error) == (number < 3)
        assert run.delivery.watermark.settled == (4 if number == 3 else 1)
        assert sum(run.counts.values()) == (4 if number == 3 else 3)
    (letter,) = stage.letters
    assert letter["key"] == {"key": "k1"}
    assert "while others got through" not in letter["reason"]


def test_runs_in_which_nobody_got_through_do_not_count(tmp_path: pathlib.Path) -> None:
    site, stage = upserts(), Stage(tmp_path)
    site.act = fails("500")
    for _ in range(5):
        assert stage.run(site, rows(2)).error
    site.act = fails("500", "k1")
    run = stage.run(site, rows(2))
    assert run.error
    assert run["refused"] == 0


def test_a_record_that_gets_through_begins_anew(tmp_path: pathlib.Path) -> None:
    site, stage = upserts(), Stage(tmp_path)
    for number in range(5):
        site.act = fails("500", "k1") if number != 2 else lambda _: None
        run = stage.run(site, rows(3, run=number))
        assert (run["refused"], bool(run.error)) == (0, number != 2)


def test_bad_records_side_by_side_are_no_outage_for_ever(tmp_path: pathlib.Path) -> None:
    site, stage = upserts(), Stage(tmp_path)
    bad = [f"k{number}" for number in range(5, 30)]
    site.act = fails("500", *bad)
    done = False
    for number in range(15):
        run = stage.run(site, rows(40, run=number))
        done = not run.error
        if done:
            break
    assert done
    assert {letter["key"]["key"] for letter in stage.letters} == set(bad)


@pytest.mark.parametrize("count", [1, 3])
def test_an_answer_in_the_vendors_error_form_is_a_refusal(
    count: int, tmp_path: pathlib.Path
) -> None:
    def act(_: list[Write]) -> None:
        msg = "no such customer"
        raise RefusedError(msg, reason="refused", status=403, attempts=1)

    site, stage = upserts(act=act), Stage(tmp_path)
    run = stage.run(site, rows(count))
    assert (run.error, run["refused"], run.delivery.watermark.settled) == ("", count, count)


def test_a_404_that_speaks_of_the_record_is_a_refusal(tmp_path: pathlib.Path) -> None:
    site = upserts(is_refusal=lambda error: error.body == "unknown id")

    def act(_: list[Write]) -> None:
        msg = "HTTP 404"
        raise CallError(msg, phase=Phase.ANSWERED, status=404, body="unknown id")

    site.act = act
    run = Stage(tmp_path).run(site, rows(1))
    assert (run.error, run["refused"]) == ("", 1)


def test_a_newer_version_that_gets_through_replaces_one_that_is_held_back(
    tmp_path: pathlib.Path,
) -> None:
    site, stage = upserts(), Stage(tmp_path)

    def act(writes: list[Write]) -> None:
        if any(write.body.get("v") == 1 for write in writes):
            error = FAILURES["500"]()
            raise error

    site.act = act
    run = stage.run(site, [{"key": "a"}, {"key": "k", "v": 1}, {"key": "b"}, {"key": "k", "v": 2}])
    assert (run.error, run.delivery.watermark.settled) == ("", 4)
    assert site.rows["k"] == [{"key": "k", "v": 2}]
    assert stage.letters == []


def test_an_outage_in_mid_run_keeps_what_got_through(tmp_path: pathlib.Path) -> None:
    site, stage = upserts(), Stage(tmp_path)
    site.act = lambda _: None if len(site.calls) <= 20 else fails("503")(_)
    run: Run = stage.run(site, rows(100))
    assert "503" in run.error
    assert (run["refused"], run["written"]) == (0, 20)
    assert len(site.calls) < 40


def test_the_same_input_again_brings_a_record_that_alone_fails_to_its_end(
    tmp_path: pathlib.Path,
) -> None:
    """From the second run on it is all that is left to be tried."""
    site, stage = upserts(), Stage(tmp_path)
    site.act = fails("500", "k1")
    ends = [(stage.run(site, rows(4))) for _ in range(4)]
    assert [bool(run.error) for run in ends] == [True, True, False, False]
    assert [run["refused"] for run in ends] == [0, 0, 1, 1]
    assert ends[2].delivery.watermark.settled == 4


@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_look_up_whose_answer_makes_no_sense_lets_nothing_out(
    count: int, tmp_path: pathlib.Path
) -> None:
    """A page for people is no absence, and no reason to refuse a record either."""
    site, stage = creates(check_before_create=True), Stage(tmp_path)
    honest = site.look
    site.look = lambda _: LookUpResult.cannot_tell("the list is a page of HTML", unreadable=True)
    run = stage.run(site, rows(count))
    assert "cannot look whether a record exists" in run.error
    assert (site.calls, run.counts, run.delivery.watermark.settled, stage.letters) == (
        [],
        {},
        0,
        [],
    )
    site.look = honest
    assert stage.run(site, rows(count)).counts == {"written": count}


def test_a_record_that_nobody_can_be_asked_about_is_sent_with_a_warning(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = creates(
        check_before_create=True, look=lambda _: LookUpResult.cannot_tell("it takes no filter")
    )
    assert Stage(tmp_path).run(site, rows(3)).counts == {"written": 3}
    assert caplog.text.count("only the ledger protects") == 1
