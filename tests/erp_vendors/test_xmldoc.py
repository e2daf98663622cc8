"""What of XML is parsed: no document type, no depth, no encoding that nobody knows."""

from __future__ import annotations

import codecs
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.aim.answers import decode
from erp_vendors.http import xmldoc
from erp_vendors.http.xmldoc import root_of
from erp_vendors.pentamic.answers import rows

if t.TYPE_CHECKING:
    import xml.etree.ElementTree as ET

TYPES = [
    "<!DOCTYPE a>",
    '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE a [<!ENTITY b "cccc">]>',
    '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:1/x"> %b;]>',
    "<!DOCTYPE a [" + '<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)) + "]>",
]  # fmt: skip
BEFORE = st.lists(
    st.sampled_from(["<!-- <a -->", "<!-- <a b='<!' -->", "<?go <a?>", "\n", " ", "<!---->"]),
    max_size=3,
).map("".join)


@given(st.sampled_from(TYPES), BEFORE, BEFORE, st.sampled_from(["", "<?xml version='1.0'?>"]))
def test_no_document_type_is_read_wherever_it_stands(
    kind: str, before: str, after: str, declared: str
) -> None:
    inner = "&a11;" if "a11" in kind else "&b;" if "b" in kind else ""
    for text in (f"{declared}{before}{kind}{after}<a><c>{inner}</c></a>", f"{before}{kind}"):
        with pytest.raises(ValueError, match=r"document type|declaration"):
            root_of(text.encode())


@given(BEFORE)
def test_what_may_stand_before_the_root_is_passed_over(before: str) -> None:
    assert root_of(f"{before}<a>&lt;!DOCTYPE</a>".encode()).text == "<!DOCTYPE"


@pytest.mark.parametrize("levels", [201, 5_000, 100_000])
def test_xml_nested_too_deep_is_a_value_error(levels: int) -> None:
    text = b"<a>" * levels + b"</a>" * levels
    for read in (root_of, decode, lambda body: rows(body, {})):
        with pytest.raises(ValueError, match="nested deeper than 200"):
            read(text)


def test_the_tree_ends_where_it_is_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    start = xmldoc._Builder.start  # noqa: SLF001 - what the parser calls

    def counted(self: xmldoc._Builder, tag: str, attrs: dict[str, str], /) -> ET.Element:
        made.append(tag)
        return start(self, tag, attrs)

    monkeypatch.setattr(xmldoc._Builder, "start", counted)  # noqa: SLF001
    with pytest.raises(ValueError, match="nested deeper than 200"):
        root_of(b"<a>" * 1_000_000)  # is never closed
    assert len(made) == 201


def test_xml_of_too_many_elements_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("erp_vendors.http.codec.MOST_PARTS", 20)
    assert len(root_of(b"<a>" + b"<b/>" * 18 + b"</a>")) == 18
    with pytest.raises(ValueError, match="more than 20 values"):
        root_of(b"<a>" + b"<b/>" * 19 + b"</a>")


def test_xml_of_two_hundred_levels_can_be_read() -> None:
    text = b"<a>" * 200 + b"</a>" * 200
    assert decode(text)
    assert rows(text, {})


@pytest.mark.parametrize(
    "encoding",
    ["none-such", "zlib", "idna", "utf-7", "utf-32", "undefined", "x" * 99],
)
def test_an_encoding_that_nobody_knows_is_a_value_error(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        root_of(f"<?xml version='1.0' encoding='{encoding}'?><a>\xff</a>".encode("latin-1"))


def test_the_encoding_that_xml_declares_counts_unless_the_answer_says_otherwise() -> None:
    text = "<?xml version='1.0' encoding='windows-1252'?><a>ü €</a>"
    assert root_of(text.encode("cp1252")).text == "ü €"
    assert root_of(codecs.BOM_UTF8 + text.encode()).text == "ü €"


NULL = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'


@pytest.mark.parametrize(
    "text",
    [
        "<a>lost<b>1</b></a>",
        "<a><b>1</b>lost</a>",
        "<a><b>one<br/>two</b></a>",
        f"<a><b {NULL}>lost</b></a>",
        f"<a {NULL}><b>1</b></a>",
    ],
)
def test_what_has_no_place_in_json_is_refused_instead_of_lost(text: str) -> None:
    for read in (root_of, decode, lambda body: rows(body, {})):
        with pytest.raises(ValueError, match="has content that belongs to nothing"):
            read(text.encode())


def test_blanks_between_elements_are_no_content() -> None:
    text = f"<a>\n <b>1</b> <!-- x --> <c {NULL}> </c>\r\n</a>".encode()
    assert decode(text) == {"b": "1"}


@given(st.binary(max_size=200).map(lambda raw: b"<" + raw))
def test_anything_else_is_a_value_error(raw: bytes) -> None:
    try:
        root_of(raw)
    except ValueError:
        return
