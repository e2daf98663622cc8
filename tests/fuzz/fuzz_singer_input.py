"""What a fuzzer calls: the reader of Singer messages, with any bytes as lines.

Each line is a message that is handled as it stands there, or is blank, or ends the run with an
`InputError` that names it; however the bytes arrive.
"""

from __future__ import annotations

import io
import typing as t
from unittest import mock

from target_erp import reader
from target_erp.messages import record_of, schema_of, stream_of, value_of, version_of
from target_erp.reader import InputError, LineReader
from target_erp.schema_check import SchemaCheck
from tests.fuzz.oracle import strict, within_limits

Message = dict[str, t.Any]
_READERS: dict[str, t.Callable[[Message], object]] = {
    "SCHEMA": schema_of,
    "RECORD": record_of,
    "STATE": value_of,
    "ACTIVATE_VERSION": version_of,
    "BATCH": stream_of,
}
SEEDS: tuple[bytes, ...] = (
    b"",
    b"\n\r\n \n",
    b"""{"type": "SCHEMA", "stream": "s", "key_properties": ["a"], "schema": {"required": ["a"], @
"type": "object", "properties": {"a": {"type": ["string", "null"], "maxLength": 3}}}}
{"type": "RECORD", "stream": "s", "record": {"a": "x", "b": 1.50, "_sdc_x": [null, true]}}\r
{"type": "RECORD", "stream": "s", "record": {"a": 7}}
\xef\xbb\xbf{"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}
{"type": "STATE", "value": {"n": 1e3}}
{"type": "BATCH", "stream": "s", "manifest": ["file:///x"]}""".replace(b"@\n", b""),
    b"""{"type": "SCHEMA", "stream": "s", "schema": {"properties": {"a": {"$ref": "#/$defs/A"}}, @
"$defs": {"A": {"anyOf": [{"multipleOf": 2}, {"pattern": "^a+$"}, {"format": "date-time"}]}}}}
{"type": "RECORD", "stream": "s", "record": {"a": 3}}
""".replace(b"@\n", b""),
    b'{"type": "STATE", "value": "\\ud800"}\n{"type": "STATE", "value": 1}{}\n{"type": "STATE"}',
    b"""{"type": "SCHEMA", "stream": "s", "schema": {"properties": {"\\n": {"const": 1}}}}
{"type": "RECORD", "stream": "s", "record": {"\\n": 3}}""",
    b'{"type": "RECORD", "stream": "s", "record": []}\n',
    b'{"type": ["RECORD"]}\n',
    b'{"type": "STATE", "value": ' + b"[" * 300 + b"]" * 300 + b"}\n",
    b'{"type": "STATE", "value": 1e999999999}\n{"type": "STATE", "value": ' + b"1" * 5_000 + b"}",
    b'{"type":"STATE","value":1}\n\xff\xfe\n[]\n',
)
WORDS: tuple[bytes, ...] = (
    *(b'"type":', b'"STATE"', b'"RECORD"', b'"SCHEMA"', b'"ACTIVATE_VERSION"', b'"BATCH"', b'"s"'),
    *(b'"stream":', b'"record":', b'"schema":', b'"value":', b'"version":', b'"key_properties":'),
    *(b'"properties":', b'"$ref":', b'"#"', b'"items":', b'"anyOf":', b'"pattern":', b'"enum":'),
    *(b'"required":', b'"multipleOf":', b'"additionalProperties":', b'"_sdc_a"', b'"$id":', b"1e5"),
    *(b"\n", b"\r\n", b"\x0b", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\\ud800"),
    *(b"{", b"}", b"[", b"]", b",", b'"', b"null", b"true", b"0", b"-1", b"{}", b"[]"),
)


def parse(data: bytes) -> None:
    """Read bytes as the target's input.

    Args:
        data: Anything.

    Raises:
        AssertionError: If a line is lost, or a message is not what its line says.
    """
    handled, complaint = _read(io.BytesIO(data))
    with mock.patch.object(reader, "_PIECE", 1 + len(data) % 7):
        assert _read(io.BytesIO(data)) == (handled, complaint)
    lines = data.split(b"\n")
    assert _read(t.cast("t.IO[bytes]", iter(lines))) == (handled, complaint)
    told = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    assert [repr(message) for message in handled] == [
        repr(strict(line)) for _, line in told[: len(handled)]
    ]
    if complaint:
        number, line = told[len(handled)]
        assert complaint.startswith(f"line {number} of the input "), complaint
        _check_refused(line, complaint)
    else:
        assert len(handled) == len(told)
    _check_records(handled)


def _read(given: t.IO[bytes]) -> tuple[list[Message], str]:
    """The messages that were handled, and what is said about the line behind them, or nothing."""
    handled: list[Message] = []

    def handle(message: Message) -> None:
        _READERS[message["type"]](message)
        handled.append(message)

    try:
        counts = LineReader().process_lines(given, dict.fromkeys(_READERS, handle))
    except InputError as error:
        complaint = str(error)
        complaint.encode()
        assert len(complaint.splitlines()) == 1
        return handled, complaint
    assert sum(counts.values()) == len(handled)
    return handled, ""


def _check_refused(line: bytes, complaint: str) -> None:
    """Check that a line was refused for what it lacks."""
    try:
        is_object = isinstance(strict(line), dict)
    except ValueError:
        is_object = False
    assert not is_object or not within_limits(line) or "is not a JSON object" not in complaint


def _check_records(messages: list[Message]) -> None:
    """Check the records against the schemas before them: whatever those are, there is an answer."""
    checks: dict[str, SchemaCheck] = {}
    for message in messages:
        if message["type"] == "SCHEMA":
            checks[message["stream"]] = SchemaCheck(message["schema"])
        elif message["type"] == "RECORD" and message["stream"] in checks:
            check = checks[message["stream"]]
            shape = check.of(message["record"])
            own = (
                message["record"]
                if shape.own is None
                else {n: message["record"][n] for n in shape.own}
            )
            assert check.misfit(own, shape).isprintable()
