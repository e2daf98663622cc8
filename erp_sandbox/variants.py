"""Points that the vendors' documents leave open, each with the answers that can be played.

A variant is a name for values of a vendor's options: ``cimcloud.past_end=not-found`` sets what
``--cimcloud-past-end 404`` sets, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Variant:
    """One open point of a vendor.

    Attributes:
        name: Its name, without the vendor.
        source: Chapter of the vendor's sheet, and the mark that the assumption has there.
        text: What is open, in one line.
        answers: The values of each answer's options, by the name of the answer. The first answer
            is the default, so that its values are those of the options. A tuple is added to the
            option's own members, every other value replaces the option's.
    """

    name: str
    source: str
    text: str
    answers: Mapping[str, Mapping[str, Any]]


def each(option: str, *answers: str) -> dict[str, dict[str, Any]]:
    """Return answers that are values of one option."""
    return {answer: {option: answer} for answer in answers}


def parse_variants(texts: Iterable[str]) -> dict[str, str]:
    """Return answers by ``VENDOR.NAME``; of repeated names the last.

    Raises:
        ValueError: A text is not of the form ``VENDOR.NAME=VALUE``.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            message = f"variant {text!r} is not of the form VENDOR.NAME=VALUE"
            raise ValueError(message)
        found[name.strip()] = value.strip()
    return found


def check_variants(chosen: Mapping[str, str], known: Mapping[str, Variant]) -> None:
    """Check names and values.

    Args:
        chosen: Answers by ``VENDOR.NAME``.
        known: All variants by ``VENDOR.NAME``.

    Raises:
        ValueError: There is no such variant, or it has no such answer; the text names those that
            there are.
    """
    for name, answer in chosen.items():
        if name not in known:
            message = f"no variant {name!r}; there are: {', '.join(known)}"
            raise ValueError(message)
        if answer not in known[name].answers:
            there_are = ", ".join(known[name].answers)
            message = f"variant {name} has no value {answer!r}; there are: {there_are}"
            raise ValueError(message)


def play_variants(
    options: Any,  # noqa: ANN401 - some vendor's dataclass
    vendor: str,
    chosen: Mapping[str, str],
    known: Mapping[str, Variant],
) -> None:
    """Set a vendor's options as the chosen answers say.

    Args:
        options: The vendor's options; they are changed.
        vendor: Its name.
        chosen: Checked answers by ``VENDOR.NAME``, those of other vendors too.
        known: All variants by ``VENDOR.NAME``.
    """
    for point, answer in chosen.items():
        if point.partition(".")[0] != vendor:
            continue
        for name, value in known[point].answers[answer].items():
            if isinstance(value, tuple):
                value = tuple(dict.fromkeys((*getattr(options, name), *value)))  # noqa: PLW2901
            setattr(options, name, value)


def variants_table(known: Mapping[str, Variant]) -> str:
    """Return all variants as lines of text: name, answers, source and what is open."""
    rows = [("NAME", "VALUES (the first is the default)", "SHEET", "WHAT IS OPEN")]
    rows += [
        (name, " | ".join(variant.answers), variant.source, variant.text)
        for name, variant in known.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
    return "\n".join(lines)
