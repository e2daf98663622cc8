"""The output of an Aqua export: rows of a grid, as JSON or CSV (aims360.md 10.5, 11.2)."""

from __future__ import annotations

import csv
import decimal
import email.message
import io
import json
import typing as t

import msgspec

from erp_vendors.errors import DataError
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from erp_vendors.aims360.odata import Row

Bad = t.Callable[[str], None]
"""Told of each row that cannot be read."""

_LONGEST_FIELD = 2**31 - 1
_BOM = b"\xef\xbb\xbf"


class Output:
    """Rows that can be read more than once; each is parsed when it is read, to save memory.

    Attributes:
        columns: Their names, safe and without doubles; empty for JSON, where each row has its own.
        said: How many rows the vendor says there are, or None.
    """

    def __init__(self, body: bytes, form: str, where: str, content_type: str = "") -> None:
        """Look at the outer shape.

        Args:
            body: The output.
            form: json or csv.
            where: The setting it comes from, for messages.
            content_type: The answer's content type, for the encoding of text.

        Raises:
            DataError: If it is not what it should be.
        """
        self._where = where
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.columns: tuple[str, ...] = ()
        self.said: int | None = None
        self._raw: list[msgspec.Raw] = []
        self._text = ""
        if form == "csv":
            self._text = _text(body, content_type, where)
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
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        try:
            yield from reader
        except csv.Error as error:
            msg = f"{self._where}: the CSV cannot be read from line {reader.line_num} on: {error}"
            raise DataError(msg) from None

    def _unwrap(self, body: bytes) -> tuple[list[msgspec.Raw], int | None]:
        try:
            try:
                return self._unpack(body.removeprefix(_BOM))
            except msgspec.DecodeError:
                # Half of a surrogate pair is legal in JSON; the codec replaces it.
                return self._unpack(codec.encode(codec.decode(body)))
        except (msgspec.DecodeError, ValueError) as error:
            msg = f"{self._where}: the export is not the JSON it should be: {error}"
            raise DataError(msg) from None

    def _unpack(self, body: bytes) -> tuple[list[msgspec.Raw], int | None]:
        """The rows, each still packed; the envelope is `{totalRecordCount, data}` (10.5, OBS)."""
        if body.lstrip().startswith(b"["):
            return msgspec.json.decode(body, type=list[msgspec.Raw]), None
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        parts = {name.casefold(): bytes(raw) for name, raw in envelope.items()}
        rows = parts.get("data", parts.get("value"))
        if rows is None:
            msg = f"{self._where}: the export has no 'data', but {', '.join(envelope) or 'nothing'}"
            raise DataError(msg)
        said = parts.get("totalrecordcount", b"").strip(b'"')
        packed = msgspec.json.decode(rows, type=list[msgspec.Raw] | None) or []
        return packed, int(said) if said.isdigit() else None

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
    found = json.loads(raw, object_pairs_hook=_Pairs, parse_float=decimal.Decimal)
    if not isinstance(found, _Pairs):
        raise TypeError
    return found


def _has_doubles(raw: bytes) -> bool:
    try:
        pairs = _pairs(raw)
    except (ValueError, TypeError):
        return False
    return len(dict(pairs)) < len(pairs)


def _text(body: bytes, content_type: str, where: str) -> str:
    header = email.message.Message()
    header["Content-Type"] = content_type or "text/csv"
    encoding = header.get_content_charset("utf-8-sig")
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    try:
        return body.decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        msg = f"{where}: the CSV is not {encoding} ({error}); set format to json"
        raise DataError(msg) from None
