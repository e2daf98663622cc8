"""Texts that others wrote, made fit to be shown."""

from __future__ import annotations

from target_erp.printable import cut, visible


def test_a_text_is_cut_by_columns() -> None:
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 4) == "日…"
    assert cut("e\u0301e\u0301", 2) == "e\u0301e\u0301"
    assert cut("abcd", 3) == "ab…"


def test_characters_that_do_not_print_are_made_visible() -> None:
    assert visible("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert visible("日本 é") == "日本 é"
