"""A record's base: a keyed hash for each of its fields, from which no contents can be read."""

from __future__ import annotations

import decimal
import hashlib
import re
import typing as t

from erp_vendors.http import codec
from erp_vendors.stamps import to_iso

MOST_FIELDS = 1_000
"""Fields of a base; of a record with more of them, the others have no base."""
_NAME_BYTES = 6
_VALUE_BYTES = 10
_ENTRY_BYTES = _NAME_BYTES + _VALUE_BYTES
_MOST_ENTRIES = 4 * MOST_FIELDS
"""Where several versions may be what is there, each has entries of its own."""
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_DATE_CHARACTERS = 40
_FLAGS = {"true": "1", "false": "0"}
_TEXT, _VALUE, _READ_AS = "text", "value", "read as"
"""What a hash is of: a text, another value, or what a text reads as."""


class FieldHashes:
    """Makes and reads bases with the key of one ledger."""

    def __init__(self, key: bytes) -> None:
        """Take the key.

        Args:
            key: See `Bases.base_key`.
        """
        self._key = key
        self._names: dict[str, bytes] = {}

    def after(
        self, base: bytes, fields: t.Mapping[str, t.Any], shown: t.Iterable[str] = ()
    ) -> bytes:
        """The base when a vendor has some fields as they are given; the others stay.

        Args:
            base: The base before.
            fields: Values by name.
            shown: Fields that the vendor has shown, though no document says that it would.
        """
        some = sorted(fields)[:MOST_FIELDS]
        new = [entry for name in some for entry in self._entries(name, fields[name])]
        new += [self._entry(_shown(name), _VALUE, "") for name in shown]
        names = {entry[:_NAME_BYTES] for entry in new}
        kept = [entry for entry in entries_of(base) if entry[:_NAME_BYTES] not in names]
        return b"".join([*new, *kept][:MOST_FIELDS])

    def knows(self, base: bytes, name: str) -> bool:
        """Whether a base tells anything of a field.

        Args:
            base: The base.
            name: The field.
        """
        wanted = self._name(name)
        return any(entry[:_NAME_BYTES] == wanted for entry in entries_of(base))

    def holds(self, base: bytes, name: str, value: object) -> bool:
        """Whether a field had a value, or one of those that it may have had.

        Args:
            base: The base.
            name: The field.
            value: The value.
        """
        if isinstance(value, str) and value:
            forms = [(_TEXT, value), (_VALUE, canonical(value))]
        elif isinstance(value, str):
            forms = [(_VALUE, "")]
        else:
            forms = [(_VALUE, canonical(value)), (_READ_AS, canonical(value))]
        entries = entries_of(base)
        return any(self._entry(name, *form) in entries for form in forms)

    def was_shown(self, base: bytes, name: str) -> bool:
        """Whether the vendor has shown a field of this record before; see `after`.

        Args:
            base: The base.
            name: The field.
        """
        return self.knows(base, _shown(name))

    def _name(self, name: str) -> bytes:
        known = self._names.get(name)
        if known is None:
            text = name.encode("utf-8", "surrogatepass")
            known = hashlib.blake2b(text, digest_size=_NAME_BYTES, key=self._key).digest()
            if len(self._names) < _MOST_ENTRIES:
                self._names[name] = known
        return known

    def _entries(self, name: str, value: object) -> list[bytes]:
        """The hashes of a value: that of a text as it is, and of what it reads as, if anything.

        A vendor may show as a number what was sent as a text, but a text only as it was sent: 1.1
        and 1.10 may be two parts.
        """
        if not isinstance(value, str) or not value:
            return [self._entry(name, _VALUE, canonical(value))]
        entries = [self._entry(name, _TEXT, value)]
        text = " ".join(value.split())
        if not text or _NUMBER.fullmatch(text) or text.casefold() in _FLAGS:
            entries.append(self._entry(name, _READ_AS, canonical(value)))
        return entries

    def _entry(self, name: str, form: str, text: str) -> bytes:
        whole = f"{name}\0{form}\0{text}".encode("utf-8", "surrogatepass")
        value_hash = hashlib.blake2b(whole, digest_size=_VALUE_BYTES, key=self._key)
        return self._name(name) + value_hash.digest()


def _shown(name: str) -> str:
    return f"{name}\0shown"


def entries_of(base: bytes) -> list[bytes]:
    """The entries of a base."""
    return [base[place : place + _ENTRY_BYTES] for place in range(0, len(base), _ENTRY_BYTES)]


def either(one: bytes, other: bytes) -> bytes:
    """A base that holds what one of two holds; its size is bounded, the newest entries stay.

    Args:
        one: The older base.
        other: The newer one.
    """
    entries = list(dict.fromkeys([*entries_of(other), *entries_of(one)]))
    return b"".join(entries[:_MOST_ENTRIES])


def same(one: object, other: object) -> bool:
    """Whether two values are one: texts exactly, and all else whatever its form.

    Every respelling of a text may be somebody's: what it means, only the vendor knows.

    Args:
        one: Anything that JSON can hold.
        other: Anything else.
    """
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return canonical(one) == canonical(other)


def exact(value: object) -> str:
    """A value as a text: a text as it is, and all else as `canonical`.

    Args:
        value: Anything that JSON can hold.
    """
    return value if isinstance(value, str) else canonical(value)


def canonical(value: t.Any) -> str:  # noqa: ANN401 - any JSON
    """A value as a text that is the same for all forms in which a key may be shown.

    1.50 and "1.5" are one amount, "1/31/2026" and "2026-01-31T00:00:00" one date, a null and a
    blank both nothing. Whether somebody has changed a text, only `same` tells.

    Args:
        value: Anything that JSON can hold.
    """
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (dict, list)):
        return codec.encode_sorted({"": _plain(value)}).decode()
    text = " ".join(str(value).split())
    if not isinstance(value, str) or _NUMBER.fullmatch(text):
        return _number(text)
    if text[:1].isdigit() and len(text) <= _DATE_CHARACTERS:
        return to_iso(text) or text
    return _FLAGS.get(text.casefold(), text)


def _plain(value: t.Any) -> t.Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else exact(value)


def _number(text: str) -> str:
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:
        return text
    if not number.is_finite():
        return text
    plain = format(number, "f") if number else "0"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
