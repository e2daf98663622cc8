"""Every mark of a fact sheet that the code relies on has an entry in the vendor's table."""

from __future__ import annotations

import importlib
import pathlib
import re
import typing as t

import pytest

from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from erp_vendors.assumption import Assumption

ROOT = pathlib.Path(__file__).parents[2]
_MARK = re.compile(r"\b(?:INF|UNK)\b")
_CITED = re.compile(
    r"(?<![\w.])(?P<sections>\d+(?:\.\d+)?(?:, (?:and )?\d+(?:\.\d+)?)*)"
    r"(?P<words>[^()\n]{0,40}?),\s+(?:(?:DOC|OBS) and )?(?:INF|UNK)\b"
)


def table(vendor: str) -> tuple[Assumption, ...]:
    try:
        module = importlib.import_module(f"erp_vendors.{vendor}.assumptions")
    except ModuleNotFoundError:
        return ()
    return t.cast("tuple[Assumption, ...]", module.ASSUMPTIONS)


def modules(vendor: str) -> list[pathlib.Path]:
    """The modules that are about one vendor, apart from its table."""
    found = [
        *(ROOT / "erp_vendors" / vendor).glob("*.py"),
        *(ROOT / "tap_erp" / "streams").glob(f"{vendor}*.py"),
        *(ROOT / "target_erp" / "writers").glob(f"{vendor}*.py"),
    ]
    others = {name for name in VENDORS if name.startswith(vendor) and name != vendor}
    return [
        path
        for path in found
        if path.name != "assumptions.py"
        and not any(re.match(rf"{other}(\.|_)", path.name) for other in others)
    ]


def sections_of(assumption: Assumption) -> set[str]:
    return {section.strip() for section in assumption.section.split(",")}


WITH_TABLE = [vendor for vendor in VENDORS if table(vendor)]


@pytest.mark.parametrize("vendor", WITH_TABLE)
def test_each_mark_that_the_code_cites_has_an_entry(vendor: str) -> None:
    known = {section for one in table(vendor) for section in sections_of(one)}
    missing = []
    for path in modules(vendor):
        text = path.read_text(encoding="utf-8")
        marks = list(_MARK.finditer(text))
        cited = {match.end(): match["sections"] for match in _CITED.finditer(text)}
        for mark in marks:
            line = text.count("\n", 0, mark.start()) + 1
            where = f"{path.relative_to(ROOT)}:{line}"
            sections = re.findall(r"\d+(?:\.\d+)?", cited.get(mark.end(), ""))
            if not sections:
                missing.append(f"{where} names no section of the sheet")
            missing += [f"{where} cites {one}" for one in sections if one not in known]
    assert not missing


@pytest.mark.parametrize("vendor", WITH_TABLE)
def test_a_table_is_complete_in_itself(vendor: str) -> None:
    assumptions = table(vendor)
    names = [one.name for one in assumptions]
    assert len(set(names)) == len(names)
    for one in assumptions:
        assert re.fullmatch(r"[a-z0-9_]+", one.name)
        assert re.fullmatch(r"\d+(\.\d+)?(, \d+(\.\d+)?)*", one.section), one.name
        assert one.text.endswith("."), one.name
        assert one.default, one.name
        if one.writes:
            assert one.trial, one.name
            assert not one.told_by, one.name
            assert not one.untold, one.name
        else:
            assert bool(one.told_by) != bool(one.untold), one.name
            assert not one.trial, one.name


def test_there_is_a_table_to_look_at() -> None:
    assert {"aimsio", "pentamic", "aim"} <= {*WITH_TABLE}
