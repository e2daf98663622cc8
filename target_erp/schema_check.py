"""Checks records against their SCHEMA message; one that looks like an earlier one costs little."""

from __future__ import annotations

import decimal
import typing as t

from erp_vendors.masking import hiding
from target_erp.marks import is_mark
from target_erp.printable import cut, visible
from target_erp.tap_schema import compiled, references_in, understood

if t.TYPE_CHECKING:
    Schema = t.Mapping[str, t.Any]
    Record = dict[str, t.Any]

_REMEMBERED = 1_000
"""Shapes of one stream that are remembered."""
_SHOWN_CHARACTERS = 300
_SCALARS = frozenset({str, int, bool, decimal.Decimal, type(None)})
_OF_NAMES = frozenset({"type", "properties", "required", "additionalProperties"})
_OF_TYPES = _OF_NAMES | {"items"}
"""Keywords that mean no more to a scalar than whether its type will do."""
_OF_PARTS = ("oneOf", "anyOf", "allOf")
"""Keywords that say no more of a value than their parts do."""


class RecordShape:
    """What records have in common whose names are the same and whose values have the same types.

    For speed, 22% to 38% (decision 0011; benchmark `null_target`): what the first record of a shape
    proves is not checked in the others. This may go when validating a record costs little of what
    sending it costs.

    Attributes:
        own: Names without the marks of taps and loaders; None if there are no marks.
        open: Properties whose values decide whether a record fits; None as long as no record of
            this shape is known to fit.
    """

    __slots__ = ("open", "own")

    def __init__(self, own: tuple[str, ...] | None) -> None:
        self.own = own
        self.open: tuple[str, ...] | None = None


class SchemaCheck:
    """The shapes of one stream's records, and whether records fit its schema.

    Most of what a schema says is about names and types, and what the first record of a shape
    proves in this holds for the others. So only those properties are checked in each record of
    which more is said.

    Attributes:
        unchecked: Keywords of the schema that cannot be understood, so nothing is checked by them.
    """

    def __init__(self, schema: Schema | None, *, loose: bool = False) -> None:
        """Compile a schema.

        Args:
            schema: The schema of a SCHEMA message; None if everything fits.
            loose: Marks count in other spellings, too.
        """
        self._loose = loose
        self._shapes: dict[tuple[t.Any, ...], RecordShape] = {}
        self._said: dict[str, t.Any] = {}
        self._whole = self._parts = None
        self.unchecked: tuple[str, ...] = ()
        if schema is None:
            return
        clean, unchecked = understood(dict(schema))
        self.unchecked = tuple(unchecked)
        if "required" in clean:
            clean["required"] = [n for n in clean["required"] if not is_mark(n, loose=loose)]
        self._whole = compiled(clean)
        if (
            clean.keys() <= _OF_NAMES
            and isinstance(clean.get("additionalProperties", True), bool)
            and all(reference.startswith("#/properties/") for reference in references_in(clean))
        ):
            self._said = clean.get("properties", {})
            self._parts = compiled({"properties": self._said})

    def of(self, record: Record) -> RecordShape:
        """The shape of a record.

        Args:
            record: The record as it came.
        """
        features = (*record, *map(type, record.values()))
        shape = self._shapes.get(features)
        if shape is None:
            own = tuple(name for name in record if not is_mark(name, loose=self._loose))
            shape = RecordShape(own if len(own) < len(record) else None)
            if len(self._shapes) >= _REMEMBERED:
                self._shapes.clear()
            self._shapes[features] = shape
        return shape

    def misfit(self, record: Record, shape: RecordShape) -> str:
        """What is wrong with a record, in one line; empty if it fits.

        Args:
            record: The record without marks.
            shape: Its shape.
        """
        if self._whole is None or shape.open == ():
            return ""
        if self._parts is not None and shape.open is not None:
            if self._parts.is_valid({name: record[name] for name in shape.open}):
                return ""
        elif self._whole.is_valid(record):
            if self._parts is not None:
                shape.open = tuple(name for name in record if not self._is_settled(record, name))
            return ""
        problem = next(self._whole.iter_errors(record))
        where = cut(visible(".".join(map(str, problem.instance_path))), _SHOWN_CHARACTERS)
        said = cut(visible(hiding(record, ())(problem.message)), _SHOWN_CHARACTERS)
        return f"{where or 'the record'} does not fit the SCHEMA message: {said}"

    def _is_settled(self, record: Record, name: str) -> bool:
        """Whether each value of this one's type fits, as this one does."""
        return name not in self._said or _is_of_types(self._said[name], type(record[name]))


def _is_of_types(said: t.Any, kind: type) -> bool:  # noqa: ANN401 - any schema
    """Whether a schema says no more of the values of a type than whether that type will do."""
    if not isinstance(said, dict):
        return isinstance(said, bool)
    types = said.get("type", "number")
    if kind is decimal.Decimal and "integer" in types and "number" not in types:
        return False  # 1.0 is an integer, 1.5 is none
    known = _OF_TYPES if kind in _SCALARS else {"type"}
    parts = [part for keyword in _OF_PARTS for part in said.get(keyword, ())]
    return said.keys() <= known.union(_OF_PARTS) and all(_is_of_types(p, kind) for p in parts)
