"""Paths of an OpenAPI file: their segments, their normal form, and names made of them."""

from __future__ import annotations

import collections
import itertools
import re
import typing as t
import unicodedata

_VERSION = re.compile(r"v\d+(?:_\d+)*")
_KEY = re.compile(r"([^{}]+?)(\([^()]*\{.*\))")
"""A segment of OData with a record's key: `Orders({id})`, `Orders(id='{id}',no={no})`."""


def segments_of(path: str) -> list[str]:
    """The segments of a path, empty ones left out; the key of `Orders({id})` is one of its own."""
    found: list[str] = []
    for segment in filter(None, path.split("/")):
        match = _KEY.fullmatch(segment)
        found += match.groups() if match else [segment]
    return found


def joined(segments: t.Iterable[str]) -> str:
    """The path of some segments, the opposite of `segments_of`."""
    return "".join(segment if is_key(segment) else f"/{segment}" for segment in segments)


def is_parameter(segment: str) -> bool:
    """Whether a segment stands for a value, such as `{id}`."""
    return "{" in segment


def is_key(segment: str) -> bool:
    """Whether a segment is a record's key in OData, such as `({id})`."""
    return segment.startswith("(") and is_parameter(segment)


def normalise(path: str) -> str:
    """A path in the form in which two spellings of it are equal.

    Args:
        path: A path after the prefix.
    """
    return "/".join(
        "{}" if is_parameter(segment) else segment.lower() for segment in segments_of(path)
    )


def names_of(paths: t.Iterable[str]) -> dict[str, tuple[str, str]]:
    """Short and full name by path.

    A short name has as many of the path's last words as make it the path's own: words that several
    paths end in belong to the one with the fewest parameters and words, if there is one. So a path
    that is added takes no name from a simpler one. What has the same words as another gets a
    number.

    Args:
        paths: Paths after the prefix; their order does not matter.
    """
    order = sorted(set(paths), key=lambda path: (_shape(path), normalise(path), path))
    candidates = {path: _candidates(path) for path in order}
    owners: dict[str, list[str]] = collections.defaultdict(list)
    for path in order:
        for name in candidates[path]:
            if not owners[name] or _shape(owners[name][0]) == _shape(path):
                owners[name].append(path)
    short = {
        path: next((name for name in names if owners[name] == [path]), None)
        for path, names in candidates.items()
    }
    used = set(short.values())
    found: dict[str, tuple[str, str]] = {}
    for path in order:
        full = candidates[path][-1]
        name = short[path] or next(name for name in numbered(full) if name not in used)
        used.add(name)
        found[path] = (name, full)
    return found


def numbered(name: str) -> t.Iterator[str]:
    """A name, and then the name with 2, 3 and so on."""
    yield name
    for number in itertools.count(2):
        yield f"{name}_{number}"


def _candidates(path: str) -> list[str]:
    """Names for a path, the shortest first, the one of all its words last; there is always one."""
    words = _words(path)
    plain = [word for word in words if not _VERSION.fullmatch(word)]
    tails = ["_".join(plain[start:]) for start in reversed(range(len(plain)))]
    return list(dict.fromkeys([*tails, "_".join(words) or "list"]))


def _shape(path: str) -> tuple[int, int]:
    """How many parameters and how many words a path has."""
    return sum(map(is_parameter, segments_of(path))), len(_words(path))


def _words(path: str) -> list[str]:
    words = (snake(segment) for segment in segments_of(path) if not is_parameter(segment))
    return [word for word in words if word]


def snake(word: str) -> str:
    """A word of a path in snake case: `GLAccount` becomes `gl_account`, `Größe` `grosse`.

    A word of another script has a name that nobody can read, but that is its own.

    Args:
        word: A segment.
    """
    plain = unicodedata.normalize("NFKD", word.replace("ß", "ss")).encode("ascii", "ignore")
    if not re.search(rb"[A-Za-z0-9]", plain):
        plain = word.encode("punycode")
    word = plain.decode()
    word = re.sub(r"([A-Z]{2,})s(?![a-z])", lambda plural: plural[1].capitalize() + "s", word)
    word = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", word)
    word = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", word)
    return re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_").lower()
