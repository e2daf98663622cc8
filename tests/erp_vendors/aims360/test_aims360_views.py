"""The list of system views (aims360.md 11.3)."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from erp_vendors.aims360.catalog import hint, system_views
from erp_vendors.aims360.views import main


def test_the_list_is_complete_and_unpadded() -> None:
    views = system_views()
    assert len(views) == 62
    assert sum(map(len, views.values())) == 395
    names = [*views, *(view for source in views.values() for view in source)]
    assert all(name == name.strip() and name for name in names)
    assert all(len(set(source)) == len(source) for source in views.values())


@pytest.mark.parametrize(
    ("source", "view"),
    [
        ("SalesReps Commision", "Sales Commissions"),
        ("Warehouses", "All WareHouses"),
        ("Purchase Orders", "All PO's-Line Details"),
        ("Cut Ticket Receipts", "All Cut Ticket Receipts by size"),
        ("Orders With Pick Tickets", "All Orders W/O PickTickets"),
        ("Web Orders", "Pending Weblink Approvals"),
    ],
)
def test_the_vendors_spelling_is_kept(source: str, view: str) -> None:
    assert view in system_views()[source]
    assert hint(source, view) == ""


@pytest.mark.parametrize(
    ("source", "view", "meant"),
    [
        ("orders", "All Orders", "'Orders'"),
        ("Orders", "all orders", "'All Orders'"),
        ("Sytle Groups", "All Sytle Groups", "'Style Groups'"),
    ],
)
def test_a_near_miss_is_explained(source: str, view: str, meant: str) -> None:
    assert f"did you mean {meant}?" in hint(source, view)


def test_a_custom_view_is_just_not_the_vendors() -> None:
    assert hint("Orders", "zzz") == "'zzz' is none of the vendor's own views"


def listed(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(main, arguments)
    return answer.exit_code, answer.stdout


def test_the_command_finds_views() -> None:
    code, text = listed("size", "cut", "all")
    assert code == 0
    assert text.splitlines() == [
        "Cut Tickets\tAll Cut Line Details by Size",
        "Cut Ticket Receipts\tAll Cut Ticket Receipts by size",
    ]
    assert listed("--source", "nowhere") == (1, "")


def test_the_command_makes_entries() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "erp_vendors.aims360.views",
            "--source",
            "terms",
            "--json",
        ],
        capture_output=True,
        check=True,
    )
    assert json.loads(run.stdout) == [
        {"name": "terms_all_terms", "source": "Terms", "view": "All Terms"}
    ]


def test_the_page_of_all_views_is_up_to_date() -> None:
    page = pathlib.Path(__file__).parents[3] / "docs" / "aims360-views.md"
    assert listed("--markdown") == (0, page.read_text(encoding="utf-8"))
