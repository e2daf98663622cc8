"""Singer messages from stdin, with errors that name the line."""

from __future__ import annotations

import sys
import typing as t
from collections import Counter

from singer_sdk.exceptions import (
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    SingerSDKError,
)
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from erp_vendors.errors import ErpError
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    import io


_PIECE = 1 << 18
"""Bytes of the input that are taken at once, at most."""


class InputError(ErpError):
    """The input is not what the Singer specification describes."""


class MissingKeyError(InputError, MissingKeyPropertiesError):
    """A record lacks a property that its SCHEMA message calls a key."""


class NoSchemaError(InputError, RecordsWithoutSchemaException):
    """A RECORD came before the SCHEMA of its stream."""


class LineReader(GenericSingerReader[str]):
    """Reads messages; decimals stay exact, integers whole."""

    default_input = sys.stdin

    def deserialize_json(self, line: str | bytes) -> dict[str, t.Any]:
        """Parse one line.

        Raises:
            InputError: If it is not a JSON object.
        """
        try:
            message = codec.decode(line if isinstance(line, bytes) else line.encode())
        except ValueError:
            message = None
        if not isinstance(message, dict):
            msg = "is not a JSON object"
            raise InputError(msg)
        return message

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
        lines: t.Iterable[t.Any] | None = file_input
        if lines is None:
            lines = _lines(t.cast("io.BufferedReader", sys.stdin.buffer))
        for number, line in enumerate(lines, 1):
            if not line or line.isspace():
                continue
            try:
                message = self.deserialize_json(line)
                kind = message.get("type")
                if not isinstance(kind, str) or kind not in callbacks:
                    msg = f"has the unknown message type {kind!r}"
                    raise InputError(msg)  # noqa: TRY301
                callbacks[kind](message)
            except MissingKeyError:
                raise
            except InputError as error:
                msg = f"line {number} of the input {error}"
                raise InputError(msg) from None
            except (InvalidInputLine, SingerSDKError) as error:
                msg = f"line {number} of the input: {' '.join(str(error).split())}"
                early = isinstance(error, RecordsWithoutSchemaException)
                raise (NoSchemaError if early else InputError)(msg) from None
            counts[kind] += 1
        return counts


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
