"""Tables of plain text."""

from __future__ import annotations

import io
import typing as t

from target_erp.text_table import WIDE, columns, cut, screen, table, visible

if t.TYPE_CHECKING:
    import pytest


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    assert table([("key", "n"), ("a", "1,200"), ("long", "7")]) == (
        "key       n\na     1,200\nlong      7"
    )


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert (columns("日本"), columns("e\u0301"), columns("abc")) == (4, 1, 3)
    lines = table([("key", "x"), ("日本", "y"), ("e\u0301", "z")]).split("\n")
    assert [columns(line) for line in lines] == [7, 7, 7]


def test_a_text_is_cut_by_columns() -> None:
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 4) == "日…"


def test_the_widest_columns_give_way_to_a_narrow_screen() -> None:
    text = table([("step", "key", "what"), ("create", "k" * 60, "w" * 300)], width=60)
    head, row = text.split("\n")
    assert columns(row) == 60
    assert row.startswith("create  kkk")
    assert row.count("…") == 2
    assert head.split() == ["step", "key", "what"]


def test_a_hostile_value_stays_in_its_line_and_cannot_steer_the_terminal() -> None:
    assert visible("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert table([("h",), ("a\r\nb\x1b]0;x\x07",)]).count("\n") == 1


def test_where_there_is_no_terminal_tables_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", _no_terminal)
    assert screen(io.StringIO()) == WIDE
    monkeypatch.setenv("COLUMNS", "72")
    assert screen(io.StringIO()) == 72


def _no_terminal(*_: object) -> None:
    raise OSError
