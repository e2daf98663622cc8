"""meltano.yml, .env.example and the documents say what the plugins say of themselves."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from erp_vendors.vendors import VENDORS
from tools import settings

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def blocks() -> dict[str, list[str]]:
    return settings.blocks()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in settings.FILES if (ROOT / name).exists()])
def test_the_file_is_in_step(name: str, blocks: dict[str, list[str]]) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text == settings.filled(text, blocks, name), "run `make settings`"


@pytest.mark.slow
def test_every_vendor_can_be_tried_and_read_and_written(blocks: dict[str, list[str]]) -> None:
    for vendor in VENDORS:
        for block, line in (
            ("tap-erp-vendors", f"- name: tap-erp--{vendor}"),
            ("target-erp-vendors", f"- name: target-erp--{vendor}"),
            ("nightly-tasks", f"- tap-erp--{vendor} target-postgres"),
        ):
            assert line in blocks[block]


@pytest.mark.slow
def test_the_definitions_are_in_step() -> None:
    files = settings.hub_files()
    assert {name: (ROOT / name).read_text("utf-8") for name in files} == files, (
        "run `make settings`"
    )
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hub").rglob("*.*")}
    assert found == set(files)


def test_every_secret_is_masked_and_every_setting_explained() -> None:
    for plugin in settings.PLUGINS:
        entries = "\n".join(settings.hub_definition(plugin)).split("\n- name: ")[1:]
        known = {setting.name: setting for setting in settings.settings(plugin)}
        assert {entry.partition("\n")[0] for entry in entries} == set(known)
        for entry in entries:
            setting = known[entry.partition("\n")[0]]
            assert ("sensitive: true" in entry) == bool(setting.schema.get("secret")), entry
            assert "label: " in entry
            if "." in setting.name and setting.name.partition(".")[0] in VENDORS:
                assert "description: " in entry, entry


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\n  # <x>\nold\n  # </x>\nb\n", ["new"], "a\n  # <x>\n  new\n  # </x>\nb\n"),
        ("<!-- x -->\n<!-- /x -->\n", ["1", "", "2"], "<!-- x -->\n1\n\n2\n<!-- /x -->\n"),
        ("no mark, but <x> in prose\n", ["new"], "no mark, but <x> in prose\n"),
    ],
)
def test_marked_places_are_filled(text: str, lines: list[str], expected: str) -> None:
    assert settings.filled(text, {"x": lines}) == expected
    assert settings.filled(expected, {"x": lines}) == expected


def test_an_unknown_mark_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match=r"README\.md: nothing is known to fill 'y' with"):
        settings.filled("# <y>\n# </y>\n", {"x": []}, "README.md")


class Case(t.NamedTuple):
    schema: dict[str, t.Any]
    kind: str


@pytest.mark.parametrize(
    "case",
    [
        Case({"type": "string"}, "string"),
        Case({"type": ["integer", "null"]}, "integer"),
        Case({"type": ["integer", "string"]}, "string"),
        Case({"type": "number"}, "string"),
        Case({"type": "string", "enum": ["a", "b"]}, "options"),
        Case({"type": "object"}, "object"),
    ],
    ids=str,
)
def test_kinds_are_ones_that_meltano_reads(case: Case) -> None:
    assert settings.Setting("aimsio.x", case.schema, ("tap-erp",)).kind == case.kind


def test_the_page_tells_the_types_that_about_tells() -> None:
    """Not Meltano's kinds, among which numbers and booleans are texts."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for name, type_ in (("aim.verify_tls", "boolean"), ("aim.timeout_seconds", "number")):
        assert f"({type_}; default" in rows[name]
