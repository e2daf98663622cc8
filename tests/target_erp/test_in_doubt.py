"""Lost and unclear answers: executed, proven absent, or nobody can tell."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import typing as t

import pytest

from erp_ledger import open_ledger
from erp_vendors.errors import CallError, Phase
from target_erp.delivery import RefusedError, Write
from target_erp.delivery.answers import Answers, UnclearError
from target_erp.delivery.model import ABSENT, NOT_SHOWN, LookUpResult
from tests.target_erp.acting import FAILURES, Site, Stage, answer

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

OK = {"accepted": True}


def unclear(body: object = OK) -> UnclearError:
    """What `Answers.check` raises for an answer that nobody knows."""
    with pytest.raises(UnclearError) as caught:
        Answers(Site.stream).check(answer(body), [])
    return caught.value


def lost() -> CallError:
    return CallError("the answer is lost", phase=Phase.SENT)


DOUBTS: dict[str, t.Callable[[], CallError]] = {
    "lost": lost,
    "500": t.cast("t.Callable[[], CallError]", FAILURES["500"]),
    "unclear": unclear,
}
PROOFS: dict[str, dict[str, t.Any]] = {
    "absent": {"look": lambda _: ABSENT},
    "control of the vendor's": {"look": lambda _: NOT_SHOWN, "control": lambda: True},
}
NO_PROOFS: dict[str, dict[str, t.Any]] = {
    "not shown": {"look": lambda _: NOT_SHOWN},
    "cannot tell": {"look": lambda _: LookUpResult.cannot_tell("it lists others")},
    "no look-up": {"can_look_up": False},
}


def once(error: t.Callable[[], Exception]) -> t.Callable[[list[Write]], None]:
    """Fails with the first call only."""
    count = itertools.count()

    def act(_: list[Write]) -> None:
        if next(count) == 0:
            raise error()

    return act


def creator(**more: t.Any) -> Site:
    return Site(**{"can_look_up": True, **more})


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("proof", PROOFS)
def test_a_record_proven_absent_is_sent_again(
    doubt: str, proof: str, tmp_path: pathlib.Path
) -> None:
    site = creator(act=once(DOUBTS[doubt]), **PROOFS[proof])
    run = Stage(tmp_path).run(site, [{"key": "a"}])
    assert (run.error, len(site.calls), len(site.rows["a"])) == ("", 2, 1)


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("proof", NO_PROOFS)
@pytest.mark.parametrize("executed", [True, False])
def test_without_proof_nothing_is_sent_again(
    doubt: str,
    proof: str,
    executed: bool,  # noqa: FBT001
    tmp_path: pathlib.Path,
) -> None:
    site, stage = creator(**NO_PROOFS[proof]), Stage(tmp_path)
    setattr(site, "behind" if executed else "act", once(DOUBTS[doubt]))
    for _ in range(3):
        run = stage.run(site, [{"key": "a"}])
        assert run["created"] + run["written"] == 0
    assert len(site.calls) == 1
    assert len(site.rows.get("a", ())) == executed
    assert {letter["outcome"] for letter in stage.letters} == {"unknown"}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_record_that_is_found_is_not_sent_again(doubt: str, tmp_path: pathlib.Path) -> None:
    site, stage = creator(behind=once(DOUBTS[doubt])), Stage(tmp_path)
    run = stage.run(site, [{"key": "a"}, {"key": "b"}])
    assert (run.error, run["created"] + run["written"], len(site.calls)) == ("", 2, 2)
    assert stage.run(site, [{"key": "a"}, {"key": "b"}])["unchanged"] == 2


def test_a_record_of_this_run_serves_as_control(tmp_path: pathlib.Path) -> None:
    """The look-up is not documented, but it finds what is known to be there."""

    def act(writes: list[Write]) -> None:
        if writes[0].body["key"] == "b" and len(site.calls) == 2:
            raise lost()

    site = creator(act=act)
    run = Stage(tmp_path).run(site, [{"key": "a"}, {"key": "b"}])
    assert (run.error, len(site.calls), len(site.rows["b"])) == ("", 3, 1)
    assert "key=a" in site.looked


def test_a_look_up_that_does_not_find_the_control_proves_nothing(tmp_path: pathlib.Path) -> None:
    def behind(writes: list[Write]) -> None:
        if writes[0].body["key"] == "b":
            raise lost()

    site = creator(behind=behind, look=lambda _: NOT_SHOWN)
    run = Stage(tmp_path).run(site, [{"key": "a"}, {"key": "b"}])
    assert (run["unknown"], len(site.rows["b"])) == (1, 1)


def learner(more: dict[str, t.Any]) -> Site:
    """A sink of whose answers nothing is known."""
    site = Site(answers=Answers(Site.stream), can_look_up=True, workers=4, check_before_create=True)

    def look(write: Write) -> LookUpResult:
        seen = Site.seen(site, write)
        return ABSENT if seen is NOT_SHOWN else seen

    def behind(writes: list[Write]) -> None:
        assert site.answers is not None
        site.answers.check(answer({"id": 1, "of": len(writes)}), writes)

    site.look, site.behind = look, behind
    for name, value in more.items():
        setattr(site, name, value)
    return site


def test_the_look_of_success_is_learned_once_and_kept(tmp_path: pathlib.Path) -> None:
    site, stage = learner({}), Stage(tmp_path)
    run = stage.run(site, [{"key": f"k{n}"} for n in range(20)])
    assert (run.error, run["created"], run["written"]) == ("", 20, 0)
    # Each is looked for before it is created; the first one once more behind it.
    assert len(site.looked) == 21
    again = learner({"rows": site.rows})
    run = stage.run(again, [{"key": f"n{n}"} for n in range(20)])
    assert (run.error, len(again.looked)) == ("", 20)


def test_until_an_answer_is_understood_one_call_with_one_record_goes_out(
    tmp_path: pathlib.Path,
) -> None:
    site = learner({"batch_size": 10, "upsert": True, "workers": 4})

    def act(_: list[Write]) -> None:
        assert site.answers is not None
        assert site.answers.is_understood or (site.under_way, len(site.calls[-1])) == (1, 1)

    site.act = act
    site.look = lambda write: LookUpResult.found(write.identity, site.rows["k0"][0], changed=True)
    run = Stage(tmp_path).run(site, [{"key": f"k{n}", "v": 1} for n in range(50)])
    assert (run.error, run["written"]) == ("", 50)
    # Once more after the first unclear answer, as something on the way may have said it.
    assert [len(call) for call in site.calls[:3]] == [1, 1, 10]


@pytest.mark.parametrize(
    "body",
    [b"<html>", b'{"a":', {"error": "maintenance"}, {"Message": "An error has occurred."}],
)
def test_an_answer_that_is_plainly_no_success_is_never_learned(
    body: object, tmp_path: pathlib.Path
) -> None:
    def behind(writes: list[Write]) -> None:
        assert site.answers is not None
        site.answers.check(answer(body), writes)

    site, stage = learner({}), Stage(tmp_path)
    site.behind = behind
    run = stage.run(site, [{"key": f"k{n}"} for n in range(5)])
    # The records prove to be there, each by itself.
    assert (run.error, run["created"], len(site.calls)) == ("", 5, 5)
    assert stage.run(site, [{"key": "new"}])["created"] == 1
    assert len(site.looked) == 12


def test_where_nothing_can_be_read_back_one_record_goes_out_and_the_run_says_how_to_go_on(
    tmp_path: pathlib.Path,
) -> None:
    site, stage = learner({"can_look_up": False, "check_before_create": False}), Stage(tmp_path)
    run = stage.run(site, [{"key": f"k{n}"} for n in range(5)])
    assert (len(site.calls), run["unknown"], run.delivery.watermark.settled) == (1, 1, 1)
    snippet = re.search(r"site\.resources: (\[.*\])", run.error)
    assert snippet is not None
    (entry,) = json.loads(snippet.group(1))
    assert entry == {
        "name": "rows",
        "success": {"status": 200, "type": "object", "members": ["id", "of"]},
    }
    told = Answers(Site.stream, given=[entry["success"]])
    site = learner(
        {"can_look_up": False, "check_before_create": False, "answers": told, "rows": site.rows}
    )
    run = stage.run(site, [{"key": f"k{n}"} for n in range(1, 5)])
    assert (run.error, run["written"], len(site.rows)) == ("", 4, 5)


@pytest.mark.parametrize("there", [True, False])
def test_an_upsert_of_a_record_that_was_there_proves_nothing_by_its_existence(
    there: bool,  # noqa: FBT001
    tmp_path: pathlib.Path,
) -> None:
    """The vendor says something unknown, and has the record as it was before."""

    def act(_: list[Write]) -> None:
        if not there:
            raise unclear()

    def behind(_: list[Write]) -> None:
        raise unclear()

    site = learner({"upsert": True, "rows": {"a": [{"key": "a", "v": 1}]}, "act": act})
    site.behind = behind
    run = Stage(tmp_path).run(site, [{"key": "a", "v": 2}])
    assert bool(run.error) is not there
    assert run["written"] == there
    assert site.rows["a"][-1]["v"] == (2 if there else 1)


def test_a_record_that_was_parked_and_comes_again_is_settled_once_by_the_same_rule(
    tmp_path: pathlib.Path,
) -> None:
    """Meanwhile a person has entered it, too: nobody can tell which one is ours."""
    site, stage = (
        creator(behind=once(lost), look=lambda _: LookUpResult.cannot_tell("no list")),
        Stage(tmp_path),
    )
    assert stage.run(site, [{"key": "a"}])["unknown"] == 1

    def several(_: Write) -> LookUpResult:
        msg = "2 records have this key"
        raise RefusedError(msg, reason="ambiguous")

    site.look = several
    run = stage.run(site, [{"key": "a"}])
    assert run.counts == {"unknown": 1}
    assert len(site.calls) == 1
    assert {letter["outcome"] for letter in stage.letters} == {"unknown"}


def test_answers_that_get_lost_again_and_again_are_not_the_vendors_fault_for_ever(
    tmp_path: pathlib.Path,
) -> None:
    """A look-up that shows nothing, and a vendor that executes and never answers."""

    def behind(_: list[Write]) -> None:
        raise lost()

    site, stage = creator(behind=behind, look=lambda _: ABSENT), Stage(tmp_path)
    run = stage.run(site, [{"key": "a"}, {"key": "a"}])
    assert len(site.calls) == 3
    assert run["unknown"] >= 1


def test_a_list_that_lacks_what_the_ledger_knows_proves_no_absence(tmp_path: pathlib.Path) -> None:
    site, stage = creator(check_before_create=True), Stage(tmp_path)
    assert stage.run(site, [{"key": "a"}, {"key": "b"}])["written"] == 2
    site.look, site.behind = lambda _: ABSENT, once(lost)
    run = stage.run(site, [{"key": "c"}])
    assert run.counts == {"unknown": 1}
    assert len(site.rows["c"]) == 1


# Nothing that may have been executed leaves an older version standing.

EXECUTED: dict[str, t.Callable[[], Exception]] = {
    **DOUBTS,
    "refused after a lost attempt": lambda: RefusedError("no", status=400, attempts=2),
    "4xx after a lost attempt": lambda: CallError(
        "HTTP 400", phase=Phase.ANSWERED, status=400, attempts=3
    ),
}


@pytest.mark.parametrize("kind", EXECUTED)
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("upsert", [True, False])
def test_the_older_version_is_sent_when_the_newer_one_may_have_been_executed(
    kind: str,
    runs: int,
    upsert: bool,  # noqa: FBT001
    tmp_path: pathlib.Path,
) -> None:
    site = Site(upsert=upsert, can_look_up=True, is_idempotent=lambda _: True)
    stage = Stage(tmp_path)
    stage.run(site, [{"key": "a", "v": 1}, {"key": "b", "v": 0}])

    def behind(writes: list[Write]) -> None:
        if any(write.body["v"] == 2 for write in writes):
            error = EXECUTED[kind]()
            raise error

    site.behind = behind
    for number in range(runs):
        stage.run(site, [{"key": "b", "v": 10 + number}, {"key": "a", "v": 2}])
    assert site.rows["a"] == [{"key": "a", "v": 2}]
    stage.run(site, [{"key": "a", "v": 1}])
    assert site.rows["a"] == [{"key": "a", "v": 1}]


def test_a_version_that_was_plainly_refused_leaves_the_older_one(tmp_path: pathlib.Path) -> None:
    site, stage = Site(upsert=True), Stage(tmp_path)
    stage.run(site, [{"key": "a", "v": 1}])

    def act(writes: list[Write]) -> None:
        if writes[0].body["v"] == 2:
            msg = "no"
            raise RefusedError(msg, status=400, attempts=1)

    site.act = act
    assert stage.run(site, [{"key": "a", "v": 2}])["refused"] == 1
    assert stage.run(site, [{"key": "a", "v": 1}])["unchanged"] == 1
    assert len(site.calls) == 2


# Created, updated, or written.


def saying(created: bool | None) -> t.Callable[[list[Write]], None]:  # noqa: FBT001
    def behind(writes: list[Write]) -> None:
        for write in writes:
            write.created = created

    return behind


@pytest.mark.parametrize(
    ("said", "check_before_create", "there", "word"),
    [
        (True, False, False, "created"),
        (False, False, False, "updated"),
        (None, False, False, "written"),
        (None, True, False, "created"),
        (None, True, True, "updated"),
    ],
)
def test_created_and_updated_are_said_only_where_it_is_proven(
    said: bool | None,  # noqa: FBT001
    check_before_create: bool,  # noqa: FBT001
    there: bool,  # noqa: FBT001
    word: str,
    tmp_path: pathlib.Path,
) -> None:
    site = creator(behind=saying(said), check_before_create=check_before_create)
    site.look = lambda write: LookUpResult.found(write.identity) if there else ABSENT
    stage = Stage(tmp_path)
    assert stage.run(site, [{"key": "a", "v": 1}]).counts == {word: 1}
    site.behind, site.is_idempotent = saying(None), lambda _: True  # type: ignore[method-assign]
    assert stage.run(site, [{"key": "a", "v": 2}]).counts == {"updated": 1}


@pytest.mark.parametrize("way", ["forget", "resync"])
def test_a_record_that_cannot_be_changed_is_looked_for_and_left_alone(
    way: str, tmp_path: pathlib.Path
) -> None:
    """The user wants records sent again; one that is there as it is, is unchanged."""
    site = creator(check_before_create=True, create_only=True, behind=saying(created=True))
    stage = Stage(tmp_path)
    assert stage.run(site, [{"key": "a"}, {"key": "b"}]).counts == {"created": 2}
    site.looked.clear()
    if way == "forget":
        with contextlib.closing(open_ledger(str(tmp_path / "ledger.sqlite"))) as ledger:
            assert ledger.forget("", site.stream, "") == 2
    run = stage.run(site, [{"key": "a"}, {"key": "b"}], resync=way == "resync")
    assert run.counts == {"unchanged": 2}
    assert (len(site.calls), sorted(site.looked)) == (2, ["key=a", "key=b"])
