"""JSON in and out: decimals and integers keep their digits, oddities do not end the run."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.http import codec

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("text", ["0.0000", "12.50", "1E+400", "0.1", "1234.12345678912345678"])
def test_decimals_keep_their_digits(text: str) -> None:
    value = codec.decode(f'{{"price": {text}}}'.encode())
    assert value == {"price": Decimal(text)}
    assert codec.encode(value) == f'{{"price":{text}}}'.encode()


@pytest.mark.parametrize("number", [2**63, 2**64, 10**40, -(10**25)])
def test_integers_of_any_size_stay_exact(number: int) -> None:
    value = codec.decode(str(number).encode())
    assert value == number
    assert isinstance(value, int)
    assert codec.encode(value) == str(number).encode()


@pytest.mark.slow
@given(VALUES)
def test_encoded_values_decode_to_themselves(value: object) -> None:
    text = codec.encode(value)
    assert b"\n" not in text
    assert codec.decode(text) == value


def test_a_byte_order_mark_is_ignored() -> None:
    assert codec.decode(b'\xef\xbb\xbf["x"]') == ["x"]


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    value = codec.decode(rb'{"na\ud800me": ["\udfff", "\ud83d\ude00", 1.10]}')
    assert value == {"na\ufffdme": ["\ufffd", "\U0001f600", Decimal("1.10")]}
    codec.encode(value).decode()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b'{"a": NaN}', b"[Infinity]", b"\xff\xfe", b'"\xe9"', b"{} {}"]
)
def test_text_that_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's and msgspec's own classes
        codec.decode(body)


@pytest.mark.parametrize(
    "number",
    [
        *("1e9999999999999999999", "1e-99999", "0e99999", "1E+99999999999999999999999"),
        *("1" * 5_000, "0." + "1" * 5_000, "-1e4301"),
    ],
    ids=lambda text: text[:30],
)
def test_a_number_that_would_fill_the_memory_is_a_value_error(number: str) -> None:
    with pytest.raises(ValueError, match=r"4,?300"):
        codec.decode(f'{{"a": [{number}]}}'.encode())


@pytest.mark.parametrize("levels", [201, 900, 2_000, 20_000, 200_000])
@pytest.mark.parametrize("inner", ["1", r'"\ud800"'])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_nested_too_deep_is_a_value_error(
    levels: int, inner: str, opening: str, closing: str
) -> None:
    with pytest.raises(ValueError, match="nested deeper than 200"):
        codec.decode((opening * levels + inner + closing * levels).encode())


@pytest.mark.slow
@given(VALUES, st.integers(0, 6))
def test_depth_is_what_the_brackets_show(value: object, levels: int) -> None:
    def depth(part: object) -> int:
        if isinstance(part, dict):
            part = list(part.values())
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    assert codec.is_deeper(value, levels) == (depth(value) > levels)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_of_two_hundred_levels_can_be_read(opening: str, closing: str) -> None:
    wide = "[" + ", ".join('{"a": [1, "]}"]}' for _ in range(500)) + "]"
    for inner, levels in (("1", 200), (wide, 197)):
        assert codec.decode((opening * levels + inner + closing * levels).encode())


@pytest.mark.slow
@given(VALUES, st.integers(0, 6))
def test_depth_is_suspected_wherever_it_is(value: object, levels: int) -> None:
    text = codec.encode(value)
    strings_hide_nothing = not set("[]{}") & set("".join(re.findall(r'"[^"]*"', text.decode())))
    if strings_hide_nothing and codec.is_deeper(value, levels):
        assert codec._may_be_deeper(text, levels)  # noqa: SLF001


DEEP = '{"a": ' * 201 + "1" + "}" * 201


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 20_000 + "]" * 20_000, DEEP, f'{{"b": {DEEP[6:-1]}, "b": [1, "\\"", {DEEP}]}}'),
        *('[{"a": 1e9999999999999999999}]', '{"a": NaN}', "[1,"),
    ],
)
def test_pairs_are_refused_as_other_json_is(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own class, too
        codec.decode_pairs(text.encode(), dict)


def test_pairs_may_hold_brackets_in_text() -> None:
    text = DEEP[6:-1].replace("1", json.dumps(DEEP + '"\\'))
    assert codec.decode_pairs(text.encode(), dict) == json.loads(text)


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_in_other_text_is_what_it_is_in_json(number: int | Decimal) -> None:
    text = codec.encode(number)
    assert repr(codec.number_of(text.decode())) == repr(codec.decode(text))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("007", 7),
        ("+5", 5),
        ("-01.50", Decimal("-1.50")),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
    ],
)
def test_a_number_in_other_text_may_be_written_otherwise(text: str, number: object) -> None:
    assert codec.number_of(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            ".",
            "1_0",
            "٣",
            "1٣",
            "²",
            "--5",
            " 1",
            "NaN",
            "-Infinity",
            "0x1",
            "1e",
            "1.5.2",
        ),
        *("1e999999999", "-1e-999999999", "1" * 4_301, "0" * 400_000 + "x"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_number_or_too_long_a_one_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no number|digits"):
        codec.number_of(text)


@pytest.mark.parametrize("part", [b"{},", b"[],", b"1,"])
def test_json_of_too_many_values_is_refused_before_it_is_parsed(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp_vendors.http.codec.MOST_PARTS", 40)
    assert codec.decode(b"[" + part * 15 + b"1]")
    with pytest.raises(codec.TooManyPartsError, match="more than 40 values"):
        codec.decode(b"[" + part * 40 + b"1]")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("null", "null"),
        ("{}", "object"),
        ("[]", "list"),
        ('"a"', "text"),
        ("true", "boolean"),
        ("1", "number"),
        ("1.5", "number"),
    ],
)
def test_a_value_is_called_what_json_calls_it(text: str, kind: str) -> None:
    assert codec.kind_of(codec.decode(text.encode())) == kind
