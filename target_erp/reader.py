"""Singer messages from stdin, with errors that name the line."""

from __future__ import annotations

import json
import sys
import typing as t
from collections import Counter

from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from erp_vendors.errors import ErpError
from erp_vendors.http import codec
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    import io


_PIECE = 1 << 18
"""Bytes of the input that are taken at once, at most."""
_LEVELS = 200
"""Levels of objects and lists in each other: the schema library reads 255 (jsonschema-rs)."""
_SHOWN_CHARACTERS = 60


class InputError(ErpError):
    """The input is not what the Singer specification describes."""


class NoSchemaError(InputError, RecordsWithoutSchemaException):
    """A message about a stream came before the SCHEMA of this stream."""


class LineReader(GenericSingerReader[str]):
    """Reads messages; decimals stay exact, integers whole."""

    default_input = sys.stdin

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, t.Any]:
        """Parse one line.

        Raises:
            InputError: If it is not a JSON object, or one that is nested too deep.
        """
        try:
            text = line if isinstance(line, bytes) else line.encode()
            message = codec.decode(text)
        except (json.JSONDecodeError, UnicodeError):
            message = None
        except ValueError as error:
            msg = f"is not a JSON object that can be read: {error}"
            raise InputError(msg) from None
        if not isinstance(message, dict):
            msg = "is not a JSON object"
            raise InputError(msg)
        # Counting brackets is quick, and few messages have so many that depth matters.
        if text.count(b"{") + text.count(b"[") > _LEVELS and codec.is_deeper(message, _LEVELS):
            where = f" of stream '{message['stream']}'" if _is_name(message.get("stream")) else ""
            msg = f"has a message{where} that is nested deeper than {_LEVELS} levels"
            raise InputError(msg)
        return message

    @override
    def process_lines(
        self,
        file_input: t.IO[t.Any] | None,
        callbacks: dict[str, t.Callable[[dict[str, t.Any]], None]],
    ) -> Counter[str]:
        """Hand each message to its callback.

        Args:
            file_input: Lines of text or bytes; None for stdin.
            callbacks: What handles each type of message.

        Returns:
            Number of messages by type.

        Raises:
            InputError: If a line cannot be understood; the message names it.
        """
        counts: Counter[str] = Counter()
        for number, line in enumerate(lines_of(file_input), 1):
            if not line or line.isspace():
                continue
            try:
                message = self.deserialize_json(line)
                kind = message.get("type")
                if not isinstance(kind, str) or kind not in callbacks:
                    msg = f"has the unknown message type {_shown(kind)}"
                    raise InputError(msg)  # noqa: TRY301
                callbacks[kind](message)
            except InputError as error:
                msg = f"line {number} of the input {error}"
                raise type(error)(msg) from None
            counts[kind] += 1
        return counts


def lines_of(file_input: t.IO[t.Any] | None) -> t.Iterator[bytes]:
    """The lines of the input, as bytes.

    Args:
        file_input: Lines of text or bytes; None for stdin.

    Raises:
        InputError: If it cannot be read.
    """
    if file_input is None and sys.stdin is None:
        msg = "the input cannot be read: stdin is closed; pipe the messages of a tap into it"
        raise InputError(msg)
    # The bytes are read: a text file's own error about bytes that are no UTF-8 names no line.
    given: t.IO[t.Any] = sys.stdin if file_input is None else file_input
    source: t.Any = getattr(given, "buffer", given)
    try:
        if hasattr(source, "read1"):
            yield from _lines(source)
        else:
            for line in source:
                yield line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
    except (OSError, ValueError) as error:
        msg = f"the input cannot be read: {error}"
        raise InputError(msg) from None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _shown(value: object) -> str:
    text = repr(value)
    return redact.cut(text, _SHOWN_CHARACTERS, "…")


def _lines(source: io.BufferedReader) -> t.Iterator[bytes]:
    """Lines as soon as they are there, of large pieces: each look at a pipe costs."""
    parts: list[bytes] = []
    while piece := source.read1(_PIECE):
        first, *others = piece.split(b"\n")
        parts.append(first)
        if others:
            yield b"".join(parts)
            yield from others[:-1]
            parts = others[-1:]
    yield b"".join(parts)
