"""The output of an Aqua export: rows of a grid, as JSON or CSV (aims360.md 10.5, 11.2)."""

from __future__ import annotations

import codecs
import csv
import io
import mmap
import typing as t

import msgspec

from erp_vendors.errors import DataError
from erp_vendors.http import codec
from erp_vendors.http.body import STEP

if t.TYPE_CHECKING:
    from typing_extensions import Buffer

    from erp_vendors.aims360.odata import Row

Body = bytes | mmap.mmap
Bad = t.Callable[[str], None]
"""Told of each row that cannot be read."""

_LONGEST_FIELD = 2**31 - 1
_MENDED = 1 << 28
"""Bytes of JSON text that are parsed as a whole, at most, to replace what is no character in it."""


class Output:
    """Rows that can be read more than once; each is parsed when it is read, to save memory.

    Attributes:
        columns: Their names, safe and without doubles; empty for JSON, where each row has its own.
        said: How many rows the vendor says there are, or None.
    """

    def __init__(self, body: Body, form: str, where: str) -> None:
        """Look at the outer shape.

        Args:
            body: The output in UTF-8, in memory or on the disk.
            form: json or csv.
            where: The setting it comes from, for messages.

        Raises:
            DataError: If it is not what it should be.
        """
        self._where = where
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.columns: tuple[str, ...] = ()
        self.said: int | None = None
        self._raw: list[msgspec.Raw] = []
        self._body = body
        if form == "csv":
            _check_text(body, where)
            self.columns = self._safe(tuple(next(self._lines(), [])))
        else:
            self._raw, self.said = self._unwrap(body)
            if self.said is not None and self.said > len(self._raw):
                msg = f"{where}: the export holds {len(self._raw)} of {self.said} rows"
                raise DataError(msg)

    def rows(self, bad: Bad) -> t.Iterator[Row]:
        """Read the rows.

        Captions keep their blanks, except around them; a caption that comes twice gets a number.
        In CSV the blanks around a value go, too, and an empty one is null (11.2, OBS).

        Args:
            bad: Told of each row that cannot be read.

        Raises:
            DataError: If nothing after some point can be read.
        """
        return self._csv_rows(bad) if self.columns else self._json_rows(bad)

    def _csv_rows(self, bad: Bad) -> t.Iterator[Row]:
        lines = self._lines()
        next(lines)
        width = len(self.columns)
        for number, cells in enumerate(lines, 1):
            if not cells:
                continue  # an empty line, such as one at the end
            if len(cells) != width:
                bad(f"row {number} has {len(cells)} values for {width} columns")
                continue
            yield {
                name: cell.strip() or None for name, cell in zip(self.columns, cells, strict=True)
            }

    def _lines(self) -> t.Iterator[list[str]]:
        csv.field_size_limit(_LONGEST_FIELD)
        text = io.TextIOWrapper(
            io.BufferedReader(_Bytes(self._body)), encoding="utf-8-sig", newline=""
        )
        reader = csv.reader(text, strict=True)
        try:
            yield from reader
        except csv.Error as error:
            msg = f"{self._where}: the CSV cannot be read from line {reader.line_num} on: {error}"
            raise DataError(msg) from None

    def _unwrap(self, body: Body) -> tuple[list[msgspec.Raw], int | None]:
        view = memoryview(body)
        try:
            try:
                return self._unpack(view[3 if bytes(view[:3]) == codecs.BOM_UTF8 else 0 :])
            except msgspec.DecodeError:
                if len(view) > _MENDED:
                    raise
                # Half of a surrogate pair is legal in JSON; the codec replaces it.
                return self._unpack(memoryview(codec.encode(codec.decode(bytes(view)))))
        except (msgspec.DecodeError, ValueError) as error:
            msg = f"{self._where}: the export is not the JSON it should be: {error}"
            raise DataError(msg) from None

    def _unpack(self, view: memoryview) -> tuple[list[msgspec.Raw], int | None]:
        """The rows, each still packed; the envelope is `{totalRecordCount, data}` (10.5, OBS)."""
        if bytes(view[:STEP]).lstrip().startswith(b"["):
            return msgspec.json.decode(view, type=list[msgspec.Raw]), None
        envelope = msgspec.json.decode(view, type=dict[str, msgspec.Raw])
        parts = {name.casefold(): raw for name, raw in envelope.items()}
        rows = parts.get("data", parts.get("value"))
        if rows is None:
            msg = f"{self._where}: the export has no 'data', but {', '.join(envelope) or 'nothing'}"
            raise DataError(msg)
        said = bytes(parts.get("totalrecordcount", msgspec.Raw())).strip(b'"')
        packed = msgspec.json.decode(rows, type=list[msgspec.Raw] | None) or []
        return packed, codec.count_of(said.decode("ascii", "replace"))

    def _json_rows(self, bad: Bad) -> t.Iterator[Row]:
        doubles = bool(self._raw) and _has_doubles(bytes(self._raw[0]))
        for number, raw in enumerate(self._raw, 1):
            try:
                pairs = _pairs(bytes(raw)) if doubles else codec.decode(bytes(raw)).items()
            except (ValueError, AttributeError, TypeError):
                bad(f"row {number} is not a JSON object in UTF-8")
                continue
            names = tuple(name for name, _ in pairs)
            yield dict(zip(self._safe(names), (value for _, value in pairs), strict=True))

    def _safe(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if names not in self._names:
            self._names[names] = safe_names(names)
        return self._names[names]


def safe_names(captions: t.Iterable[str]) -> tuple[str, ...]:
    """Column names out of a grid's captions (11.2, OBS: captions can have blanks and come twice).

    Args:
        captions: In the order of the grid.

    Returns:
        The captions without the blanks around them. The second `Start Date` is `Start Date_2`,
        whatever its case, because many loaders ignore it; one without text is `column_<position>`.
    """
    taken: set[str] = set()
    names = []
    for position, caption in enumerate(captions, 1):
        base = name = caption.strip() or f"column_{position}"
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


class _Pairs(list[tuple[str, t.Any]]):
    """A JSON object whose names may come twice."""


def _pairs(raw: bytes) -> _Pairs:
    found = codec.decode_pairs(raw, _Pairs)
    if not isinstance(found, _Pairs):
        raise TypeError
    return found


def _has_doubles(raw: bytes) -> bool:
    try:
        pairs = _pairs(raw)
    except (ValueError, TypeError):
        return False
    return len(dict(pairs)) < len(pairs)


class _Bytes(io.RawIOBase):
    """Reads bytes from their beginning, wherever others are in the same bytes."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._left = memoryview(body)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        room = memoryview(buffer).cast("B")
        part = self._left[: len(room)]
        room[: len(part)] = part
        self._left = self._left[len(part) :]
        return len(part)


def _check_text(body: Body, where: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    try:
        for start in range(0, len(view), STEP):
            decoder.decode(view[start : start + STEP])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        msg = (
            f"{where}: the CSV is neither UTF-8 nor of the charset that it declares ({error}); "
            "set format to json"
        )
        raise DataError(msg) from None
