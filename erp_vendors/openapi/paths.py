"""Paths of an OpenAPI file: their segments, their normal form, and names made of them."""

from __future__ import annotations

import collections
import re
import typing as t

_VERSION = re.compile(r"v\d+(?:_\d+)*")


def segments_of(path: str) -> list[str]:
    """The segments of a path, empty ones left out."""
    return [segment for segment in path.split("/") if segment]


def is_parameter(segment: str) -> bool:
    """Whether a segment stands for a value, such as `{id}`."""
    return "{" in segment


def normalise(path: str) -> str:
    """A path in the form in which two spellings of it are equal.

    Args:
        path: A path after the prefix.
    """
    return "/".join(
        "{}" if is_parameter(segment) else segment.lower() for segment in segments_of(path)
    )


def names_of(paths: t.Collection[str]) -> dict[str, tuple[str, str]]:
    """Short and full name by path; a short name has as many words as make it unique."""
    words = {
        path: [snake(segment) for segment in segments_of(path) if not is_parameter(segment)]
        for path in paths
    }
    names = {path: ("_".join(parts), "_".join(parts)) for path, parts in words.items()}
    for length in range(max(map(len, words.values()), default=0), 0, -1):
        tails = {path: "_".join(_unversioned(parts)[-length:]) for path, parts in words.items()}
        counts = collections.Counter(tails.values())
        for path, tail in tails.items():
            if counts[tail] == 1 and tail:
                names[path] = (tail, names[path][1])
    return names


def _unversioned(words: t.Iterable[str]) -> list[str]:
    return [word for word in words if not _VERSION.fullmatch(word)]


def snake(word: str) -> str:
    """A word of a path in snake case: `GLAccount` becomes `gl_account`.

    Args:
        word: A segment.
    """
    word = re.sub(r"([A-Z]{2,})s(?![a-z])", lambda plural: plural[1].capitalize() + "s", word)
    word = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", word)
    word = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", word)
    return re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_").lower()
