"""Every open point of the vendors' documents can be played with each of its answers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from erp_sandbox import server
from erp_sandbox.cli import main
from erp_sandbox.testing import running_sandbox
from erp_sandbox.variants import play_variants
from erp_sandbox.vendor import all_variants, vendors
from tests.support.variant_looks import CIMCLOUD, PENTAMIC, SINCE, cimcloud
from tests.support.variant_looks_aim import AIM, AIMS360, AIMSIO

if TYPE_CHECKING:
    from erp_sandbox.config import Settings

LOOKS = {
    f"{vendor}.{name}": look
    for vendor, looks in (
        ("aim", AIM), ("aims360", AIMS360), ("aimsio", AIMSIO), ("cimcloud", CIMCLOUD),
        ("pentamic", PENTAMIC),
    )
    for name, look in looks.items()
}  # fmt: skip
VARIANTS = all_variants()


def test_each_answer_has_a_look_that_finds_it_and_no_other() -> None:
    assert {name: list(look.found) for name, look in LOOKS.items()} == {
        name: list(variant.answers) for name, variant in VARIANTS.items()
    }
    for look in LOOKS.values():
        assert all(a != b for a, b in itertools.combinations(look.found.values(), 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "answer"),
    [(name, answer) for name, variant in VARIANTS.items() for answer in variant.answers],
)
def test_each_answer_is_played(name: str, answer: str) -> None:
    look = LOOKS[name]
    options = {name.partition(".")[0]: look.options}
    with running_sandbox(
        size=look.size, limits=False, options=options, variants={name: answer}
    ) as sandbox:
        assert look.see(sandbox) == look.found[answer]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_first_answer_is_what_is_played_without_a_variant(name: str) -> None:
    vendor = name.partition(".")[0]
    kind = vendors()[vendor]
    (first, *others) = VARIANTS[name].answers
    options = kind.Options()
    play_variants(options, vendor, {name: first}, VARIANTS)
    assert options == kind.Options()
    for other in others:
        options = kind.Options()
        play_variants(options, vendor, {name: other}, VARIANTS)
        assert options != kind.Options()


def test_answers_add_up_with_each_other_and_with_options() -> None:
    options = vendors()["cimcloud"].Options(refuse=("time-of-day",), past_end="400")
    chosen = {
        "cimcloud.search_page": "refused",
        "cimcloud.date_literal": "iso",
        "cimcloud.past_end": "repeat",
        "pentamic.slash": "required",
    }
    play_variants(options, "cimcloud", chosen, VARIANTS)
    assert set(options.refuse) == {"time-of-day", "page-after-search", "us-dates"}
    assert options.past_end == "repeat"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "taken"), [("us-encoded", "6%2F29%2F2026"), ("iso", "2026-06-29"), ("none", None)]
)
@pytest.mark.parametrize(("misread", "rows"), [("no-rows", 0), ("all-rows", 12)])
def test_a_date_that_is_taken_filters_beside_one_that_is_not(
    form: str, taken: str | None, misread: str, rows: int
) -> None:
    variants = {"cimcloud.date_literal": form, "cimcloud.misread_date": misread}
    with running_sandbox(size=12, limits=False, variants=variants) as sandbox:
        stamps = [row["last_modify_date"] for row in cimcloud(sandbox, "accounts").json()]
        wanted = sorted(stamp for stamp in stamps if stamp >= "2026-06-29")
        assert 0 < len(wanted) < 12
        for literal in ("6/29/2026", "6%2F29%2F2026", "2026-06-29"):
            found = [row["last_modify_date"] for row in cimcloud(sandbox, SINCE + literal).json()]
            if literal == taken:
                assert sorted(found) == wanted
            else:
                assert len(found) == rows, literal


def test_the_command_lists_every_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--variants"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split()[0] == "NAME"
    assert [line.split()[0] for line in lines[1:]] == list(VARIANTS)
    for line, variant in zip(lines[1:], VARIANTS.values(), strict=True):
        assert f" {' | '.join(variant.answers)} " in line
        assert f" {variant.source} " in line
        assert line.endswith(variant.text)
        assert variant.source.split()[-1] in {"DOC", "OBS", "INF", "UNK"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cimcloud.past=x", "no variant 'cimcloud.past'; there are: aim.remaining, "),
        ("past_end=empty", "no variant 'past_end'; there are: "),
        (
            "cimcloud.past_end=x",
            "no value 'x'; there are: empty, not-found, bad-request, repeat",
        ),
        ("cimcloud.past_end", "not of the form VENDOR.NAME=VALUE"),
    ],
)
def test_the_command_refuses_what_is_no_variant(
    text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", "--variant", text]) == 1
    assert told in capsys.readouterr().err


def test_a_test_is_told_what_is_no_variant() -> None:
    with (
        pytest.raises(ValueError, match="has no value 'x'; there are: empty"),
        running_sandbox(size=1, variants={"cimcloud.past_end": "x"}),
    ):
        pass


def test_variants_come_from_the_command_line_and_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, str]] = []

    def note(settings: Settings, *_: Any) -> None:
        seen.append(settings.variants)
        message = "seen"
        raise ValueError(message)

    monkeypatch.setattr(server, "SandboxServer", note)
    chosen = {"aim.clock": "west", "cimcloud.rows": "wrapped"}
    pairs = [f"{name}={value}" for name, value in chosen.items()]
    main(["serve", *(part for pair in pairs for part in ("--variant", pair))])
    monkeypatch.setenv("ERP_SANDBOX_VARIANTS", " ".join(pairs))
    main(["serve"])
    assert seen == [chosen, chosen]
