"""The subcommand `erp plan`: forms, exit codes, and a plan that is applied."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_cli.erp import main
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.errors import ConfigError
from target_erp.planning.plan_file import lines_of
from target_erp.planning.plan_show import as_markdown, as_table
from tests.support.plugins import record, run_target, schema
from tests.target_erp.shops import SHOPS

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.usefixtures("alone")

SHOP = SHOPS["cimcloud"]
Row = dict[str, t.Any]


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False) as running:
        yield running


class Files(t.NamedTuple):
    """A configuration and messages."""

    config: pathlib.Path
    messages: pathlib.Path

    def plan(self, *options: str) -> int:
        return main(["plan", "--config", str(self.config), str(self.messages), *options])


def files(sandbox: RunningSandbox, folder: pathlib.Path, *rows: Row) -> Files:
    found = Files(folder / "config.json", folder / "messages.jsonl")
    found.config.write_text(json.dumps(SHOP.config(sandbox, folder)))
    messages = [schema(SHOP.stream), *(record(SHOP.stream, **row) for row in rows)]
    found.messages.write_text("".join(json.dumps(one) + "\n" for one in messages))
    return found


NEW = {"ref_id": "N-1", "nm": "a | b"}
BAD = {"ref_id": "bad", "lines": [1]}


@pytest.mark.parametrize(
    ("rows", "options", "code"),
    [
        ([], [], 0),
        ([], ["--detailed-exitcode"], 0),
        ([NEW], [], 0),
        ([NEW], ["--detailed-exitcode"], 2),
        ([NEW, BAD], [], 3),
        ([NEW, BAD], ["--detailed-exitcode"], 3),
    ],
)
def test_exit_codes(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, rows: list[Row], options: list[str], code: int
) -> None:
    assert files(sandbox, tmp_path, *rows).plan(*options) == code


def test_forms(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x" * 100
    there = {"ref_id": sandbox.rows("cimcloud", "accounts")[0]["ref_id"], "nm": long}
    given = files(sandbox, tmp_path, NEW, there)
    assert given.plan() == 0
    shown = capsys.readouterr().out
    assert 'ref_id: "N-1"; nm: "a | b"' in shown
    assert long in shown
    assert given.plan("--format", "markdown") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# Plan: 1 create, 1 update")
    assert '`nm`: `"a \\| b"`' in shown
    assert f'→ `"{long}"`' in shown
    output = tmp_path / "plan.jsonl"
    assert given.plan("--format", "jsonl", "--output", str(output)) == 0
    assert capsys.readouterr().out == ""
    since = len(sandbox.calls("cimcloud"))
    messages = given.messages.read_text().splitlines()
    run = run_target({**SHOP.config(sandbox, tmp_path), "apply": str(output)}, messages)
    assert run.code == 0, run.error
    ((_, sent),) = SHOP.writes(sandbox, since)
    assert [row["ref_id"] for row in sent] == [NEW["ref_id"], there["ref_id"]]
    # What is there is not shown again as a change.
    assert given.plan("--detailed-exitcode") == 0


def test_messages_that_are_not_there(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = files(sandbox, tmp_path)
    given.messages.unlink()
    assert given.plan() == 1
    assert "cannot read the messages" in capsys.readouterr().err


HEADER: Row = {"made_at": "now", "left_out": {}}


def test_what_a_trial_leaves_out_is_told_in_every_form(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = files(sandbox, tmp_path, NEW, {**NEW, "ref_id": "N-2"})
    settings = json.loads(given.config.read_text())
    settings["sinks"] = {"cimcloud_accounts": {"only": ["nobody"]}}
    given.config.write_text(json.dumps(settings))
    for form in ("table", "markdown"):
        assert given.plan("--format", form, "--detailed-exitcode") == 0
        said = capsys.readouterr().out
        assert "2 records of cimcloud_accounts are left out" in said
    assert given.plan("--format", "jsonl") == 0
    header = json.loads(capsys.readouterr().out.splitlines()[0])
    assert header["left_out"] == {"cimcloud_accounts": 2}


def test_what_a_plan_says_of_skips_conflicts_and_strange_texts() -> None:
    nothing: Row = {"changes": {}, "may_clear": {}, "conflicts": {}, "reason": ""}
    sides = {"base": "not known", "theirs": "B`x``y", "ours": "<img>"}
    lines = [
        {**nothing, "stream": "s", "number": 1, "key": {"k": "1"}, "step": "unchanged"},
        {**nothing, "stream": "s", "number": 2, "key": {}, "step": "skipped", "reason": "m"},
        {
            **nothing, "stream": "s", "number": 3, "key": {"k": "3"}, "step": "refused",
            "reason": "changed", "conflicts": {"nm": sides},
        },
    ]  # fmt: skip
    shown = as_markdown(HEADER, lines)
    assert "| refused | 3 | `k=3` | `changed`<br>`nm`: base" in shown
    assert '``` "B`x``y" ```' in shown
    assert '`"<img>"`' in shown
    assert "k=1" not in shown
    assert shown.index("refused | 3") < shown.index("skipped | 2")
    table = as_table(HEADER, lines, 200)
    assert 'changed; nm: base "not known", theirs "B`x``y", ours "<img>"' in table


def test_a_plan_is_read_by_its_own_reader_alone(tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"step": "create"}\n')
    with pytest.raises(ConfigError, match="is no plan of this version"):
        lines_of(str(other))
