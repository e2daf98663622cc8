"""Ordinary and awkward values for made-up records.

Every list begins with ordinary values; the awkward ones come round once in a dozen rows or so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

FIRST_NAMES = (
    "Alice", "Bob", "Carla", "Dieter", "Erin", "Farid", "Grace", "Hugo",
    "Zoë", "José", "Søren", "美咲", "Ольга", "نور", "D'Arcy", 'Robert "Bob"',
)  # fmt: skip
LAST_NAMES = (
    "Smith", "Jones", "Brown", "Miller", "Wilson", "Moore", "Taylor",
    "O'Neill", "Müller", "Nguyễn", "山田", "الحسن", "van der Berg", "Null", "Peña 🚜",
)  # fmt: skip
COMPANIES = (
    "Northern Drilling Ltd.", "Prairie Rentals Inc.", "Acme Supply", "Foothills Energy",
    "Baker & Sons", "O'Leary's Welding", 'The "Best" Pump Co.', "Café Équipement",
    "漢字工業株式会社", "شركة النفط", "Wells <& Pipes>", "Emoji 🛢️ Oil", "  Padded Name  ",
    "100% Safety; DROP TABLE", "A/B Testing | Co. ~ (West)",
)  # fmt: skip
STREETS = (
    "12 Main Street", "400 5 Avenue SW", "1 Rue de l'Église", "Box 7\nSite 3",
    "", "C:\\Yard\\7", "88 Bay St., Unit 00123",
)  # fmt: skip
CITIES = ("Calgary", "Edmonton", "Houston", "Montréal", "Saint-Jean-sur-Richelieu", "東京")
NOTES = (
    None, "", "Call first.", "Line one\nLine two\r\nLine three", 'He said "no".',
    "tab\there", "back\\slash", "naïve café, 50 % off", "👷🏽‍♀️ on site", "null", "0",
    "x" * 5000, "漢字" * 700,
)  # fmt: skip
MONEY = (
    "100", "85.5", "0.1", "0.0000", "19.99", "1234567.8900", "0.30000000000000004",
    "9007199254740993", "-12.50", "0.005", "99999999999.9999", "42",
)  # fmt: skip
HTML = (
    "Plain description.",
    "<p>Heavy-duty <b>clamp</b> &amp; gasket, 2&quot;</p>",
    '<ul><li>Größe: 10 mm</li><li><a href="/x?a=1&b=2">more</a></li></ul>',
    "<script>alert('x')</script>",
    "",
    None,
    "<!-- " + "long " * 1500 + "-->",
)


def pick(source: random.Random, values: tuple[object, ...], row: int) -> object:
    """Return a value: two rows of three take the next in turn, so that all are used, one takes any.

    Args:
        source: Random generator of the resource.
        values: The choices.
        row: Number of the row, from 0.
    """
    return values[row % len(values)] if row % 3 else source.choice(values)


def text(source: random.Random, values: tuple[str, ...], row: int) -> str:
    """Return a text that is never null; see :func:`pick`."""
    return str(pick(source, values, row))


def money(source: random.Random, row: int) -> Decimal:
    """Return an amount, sometimes with more digits than a binary float holds."""
    if row % 4:
        return Decimal(source.randrange(100, 5_000_000)) / 100
    return Decimal(MONEY[row // 4 % len(MONEY)])


def code(prefix: str, row: int) -> str:
    """Return a unique code; every fifth has leading zeros and nothing but digits."""
    return f"{row + 1:05d}" if row % 5 == 4 else f"{prefix}-{row + 1:04d}"  # noqa: PLR2004
