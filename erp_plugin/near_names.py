"""Variables of a plugin's prefix that name no setting, so that they have no effect."""

from __future__ import annotations

import difflib
import os
import typing as t

from erp_vendors.settings import is_block

Json = t.Mapping[str, t.Any]

_OF_THE_SDK = frozenset({"LOGLEVEL"})
"""Names behind a prefix that the Singer SDK reads itself."""
_CLOSE, _CLOSE_IF_AS_LONG = 0.9, 0.8
"""Likenesses (0 to 1) from which on a name is another one's misspelling."""
_NEAREST = 0.5
_SHORTEST = 3


class Stranger(t.NamedTuple):
    """A variable that names no setting.

    Attributes:
        variable: Its name.
        meant: The nearest variable that names one; empty if none is near.
        setting: That one's setting, such as `aimsio.environment`; empty if none is near.
        close: It is likely to be what was meant.
    """

    variable: str
    meant: str = ""
    setting: str = ""
    close: bool = False


def strangers(
    prefixes: t.Sequence[str],
    schema: Json,
    environ: t.Mapping[str, str] | None = None,
    *,
    left_out: t.Iterable[str] = (),
    siblings: bool = False,
) -> list[Stranger]:
    """Variables of some prefixes that name no setting.

    Args:
        prefixes: Such as `TAP_ERP_`.
        schema: The config schema.
        environ: Variables (default: the process's). Blank ones count as not set.
        left_out: Blocks of the schema that the plugin has nothing to do with.
        siblings: Other plugins of a Meltano project may have prefixes that begin alike.
    """
    environ = os.environ if environ is None else environ
    named = {name: name.upper().replace("-", "_") for name in environ}
    if not any(plain.startswith(tuple(prefixes)) for plain in named.values()):
        return []
    known = dict(_known(schema))
    free = tuple(f"{name}_" for name, (_, is_free) in known.items() if is_free)
    others = tuple(f"{block.upper()}_" for block in left_out)
    known = {name: what for name, what in known.items() if not name.startswith(others)}
    found = []
    for variable, plain in sorted(named.items()):
        text = environ[variable]
        prefix = max((one for one in prefixes if plain.startswith(one)), key=len, default="")
        rest = plain[len(prefix) :]
        if (
            not prefix
            or not text.strip()
            or (variable == plain and rest in known)
            or rest in _OF_THE_SDK
            # What Meltano makes itself: TAP_ERP__SELECT, and parts of objects it has flattened.
            or rest.startswith(("_", *free, *others))
            or (siblings and any(rest.endswith(f"_{name}") for name in known))
        ):
            continue
        name, close = _nearest(rest, known)
        setting = known[name][0] if name else ""
        found.append(Stranger(variable, prefix + name if name else "", setting, close))
    return found


def misspelt(found: t.Iterable[Stranger]) -> str:
    """Why a run does not begin, and what to do.

    Args:
        found: Variables that are close to others.
    """
    named = ", ".join(f"{one.variable} names no setting" for one in found)
    meant = ", ".join(f"{one.meant} (setting {one.setting})" for one in found)
    return f"{named} and has no effect; rename it if {meant} is meant, or unset it"


def unknown(found: t.Iterable[Stranger]) -> str:
    """What to say of variables that mean nothing.

    Args:
        found: The variables.
    """
    named = ", ".join(
        f"{one.variable} (the nearest name is {one.meant})" if one.meant else one.variable
        for one in found
    )
    return f"variables that name no setting and have no effect: {named}"


def _known(schema: Json, path: tuple[str, ...] = ()) -> t.Iterator[tuple[str, tuple[str, bool]]]:
    """The settings by their variables, and whether each has parts that are no settings."""
    for name, definition in schema["properties"].items():
        here = (*path, name)
        block = is_block(definition)
        yield "_".join(here).upper(), (".".join(here), not block and "object" in _kinds(definition))
        if block:
            yield from _known(definition, here)


def _kinds(definition: Json) -> t.Collection[str]:
    kinds = definition.get("type", ())
    return [kinds] if isinstance(kinds, str) else kinds


def _nearest(rest: str, known: t.Iterable[str]) -> tuple[str, bool]:
    """The known name that is nearest, and whether it is likely to be meant."""
    best, likeness = "", _NEAREST
    letters = rest.replace("_", "")
    for name in known:
        plain = name.replace("_", "")
        nearest = difflib.SequenceMatcher(None, letters, plain).ratio()
        part = len(rest) >= _SHORTEST and (name.startswith(f"{rest}_") or name.endswith(f"_{rest}"))
        if part or (abs(len(letters) - len(plain)) <= 1 and nearest >= _CLOSE_IF_AS_LONG):
            nearest = max(nearest, _CLOSE)
        if nearest > likeness:
            best, likeness = name, nearest
    return best, likeness >= _CLOSE
