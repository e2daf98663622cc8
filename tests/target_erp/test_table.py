"""Tables of plain text."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import termios

import pytest
from rich.cells import cell_len

from erp_vendors.http.redact import redact
from target_erp.text_table import WIDE, fits, table, width_of


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    assert table([("key", "n"), ("a", "1,200"), ("long", "7")]) == (
        "key       n\na     1,200\nlong      7"
    )


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    lines = table([("key", "x"), ("日本", "y"), ("e\u0301", "z")]).split("\n")
    assert [cell_len(line) for line in lines] == [7, 7, 7]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_long_texts_are_wrapped_between_words(width: int) -> None:
    words = [f"word-{n}" for n in range(60)]
    rows = [("step", "key", "what"), ("create", "key-1 " * 8, " ".join(words))]
    lines = table(rows, width).split("\n")
    assert max(map(cell_len, lines)) <= width
    assert lines[1].startswith("create  key-1")
    assert [word for line in lines for word in line.split() if word.startswith("word-")] == words


def test_a_screen_that_is_too_narrow_for_the_words_gets_a_line_per_column() -> None:
    rows = [("stream", "attempts", "reason"), ("aim_x", 12, "no such job"), ("aim_y", 3, "bad")]
    assert not fits(rows, 20)
    assert table(rows, 20) == (
        "stream    aim_x\nattempts  12\nreason    no such\n          job\n"
        "\nstream    aim_y\nattempts  3\nreason    bad"
    )
    assert fits(rows, 40)


def test_one_long_word_does_not_take_the_columns_apart() -> None:
    rows = [("key", "reason"), ("k", "https://erp.example.com/" + "x" * 200), ("l", "bad")]
    assert fits(rows, 80)
    assert max(map(len, table(rows, 80).split("\n"))) <= 80


def test_a_hostile_value_stays_in_its_line_and_cannot_steer_the_terminal() -> None:
    text = table([("h",), ("a\r\nb\x1b]0;x\x07",), ("[red]x[/red] [/] :smile:",)])
    assert text == "h\na\\r\\nb\\x1b]0;x\\x07\n[red]x[/red] [/] :smile:"


def test_a_secret_is_masked_although_it_would_be_wrapped() -> None:
    redact.add("first-part second-part")
    text = table([("said",), ("the token is first-part second-part here",)], 24)
    assert "part" not in text


def test_where_there_is_no_terminal_tables_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert width_of(io.StringIO()) == WIDE
    assert width_of(io.StringIO(), 500) == 500


def test_the_width_is_that_of_the_terminal_unless_columns_says_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    terminal, end = pty.openpty()
    with contextlib.closing(os.fdopen(terminal)), os.fdopen(end, "w") as stream:
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
        assert width_of(stream) == 72
        for told in ("", "0", "wide"):
            monkeypatch.setenv("COLUMNS", told)
            assert width_of(stream) == 72
        monkeypatch.setenv("COLUMNS", "100")
        assert width_of(stream) == 100
