"""Masks secret properties of records, wherever in the record they stand.

Where a record keeps a property as a pair, such as `{"Key": "BIRTHDAY", "Value": "1990-01-31"}`, the
name of a secret one is written `Key=BIRTHDAY`: the value of an object whose key is that one.

Records may hold properties that no document names, so those of every vendor are masked, too, whose
names say that they are secret: `names_a_secret`.
"""

from __future__ import annotations

import functools
import re
import typing as t

from erp_vendors.http.redact import MASK, Redactor

_VALUE = "value"
"""Member of a pair that holds its value, without case."""


_SECRET_ENDS = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "credential", "credentials"),
    *("secret", "token", "apikey", "authkey", "accesskey", "secretkey", "privatekey"),
    *("cardnumber", "cvv", "cvv2", "cvc", "ssn", "socialsecuritynumber"),
)
"""Ends of names that say that a property is secret, in small letters and digits alone."""
_OTHERS = re.compile(r"[^a-z0-9]")

_MASKS = (MASK, "(redacted)")
"""What is shown in place of a secret, here and by Meltano."""


def masked(value: t.Any, names: t.Collection[str]) -> t.Any:  # noqa: ANN401 - any JSON
    """A copy of a record, or of a part of one, without what its secret properties hold.

    Args:
        value: Any JSON value.
        names: Names of secret properties, in any case of letters, beside those that name a secret;
            nulls in them stay.
    """
    return _masked(value, _folded(frozenset(names)))


def hidden_in(value: t.Any, names: t.Collection[str]) -> t.Iterator[str]:  # noqa: ANN401
    """Texts and numbers that the secret properties of a record hold.

    Args:
        value: Any JSON value.
        names: See `masked`.
    """
    folded = _folded(frozenset(names))
    if isinstance(value, dict):
        hidden = _hidden(value, folded)
        for name, inner in value.items():
            yield from _leaves(inner) if name in hidden else hidden_in(inner, folded)
    elif isinstance(value, list):
        for inner in value:
            yield from hidden_in(inner, folded)


def hiding(value: t.Any, names: t.Collection[str]) -> Redactor:  # noqa: ANN401
    """Masks in texts what the secret properties of a record hold.

    Args:
        value: Any JSON value.
        names: See `masked`.
    """
    hide = Redactor()
    hide.add(*hidden_in(value, names))
    return hide


@functools.lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Whether the name of a property says that it is secret: `apiToken`, `user_password`."""
    return _OTHERS.sub("", name.casefold()).endswith(_SECRET_ENDS)


def is_masked(value: t.Any) -> bool:  # noqa: ANN401
    """Whether something in a record was masked, so that it is not the record any more."""
    if isinstance(value, dict):
        return any(map(is_masked, value.values()))
    if isinstance(value, list):
        return any(map(is_masked, value))
    return bool(value == MASK)


def masked_settings(config: t.Any, path: str = "") -> t.Iterator[str]:  # noqa: ANN401 - any JSON
    """The dotted names of settings that hold the mask of a secret instead of the secret.

    Such a configuration is a copy of what somebody was shown: `meltano config print` shows `*****`
    in place of a secret, and `meltano config list` shows `(redacted)`.

    Args:
        config: The configuration, or a part of it.
        path: The dotted name of that part.
    """
    if isinstance(config, dict):
        for name, value in config.items():
            yield from masked_settings(value, f"{path}.{name}" if path else name)
    elif isinstance(config, list):
        for index, value in enumerate(config):
            yield from masked_settings(value, f"{path}[{index}]")
    elif config in _MASKS:
        yield path


def explain_masks(names: t.Iterable[str]) -> list[str]:
    """What is wrong with masked settings, and what to do, in one line.

    Args:
        names: See `masked_settings`.

    Returns:
        The line, or nothing if there is no name.
    """
    found = ", ".join(f"'{name}'" for name in names)
    if not found:
        return []
    line = (
        f"setting {found} holds a mask instead of the secret, as `meltano config print` shows it: "
        "put the secret itself there, or leave the setting to the environment (--config=ENV)"
    )
    return [line]


@functools.lru_cache(maxsize=64)
def _folded(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


@functools.lru_cache(maxsize=64)
def _told_by(folded: frozenset[str]) -> frozenset[str]:
    """The members by which a pair tells that its value is secret."""
    return frozenset(name.partition("=")[0] for name in folded if "=" in name)


def _hidden(properties: dict[str, t.Any], folded: frozenset[str]) -> set[str]:
    """The names of an object's secret properties."""
    hidden = {name for name in properties if name.casefold() in folded or names_a_secret(name)}
    told_by = _told_by(folded)
    if told_by and any(
        f"{name}={inner}".replace(" ", "").casefold() in folded
        for name, inner in properties.items()
        if name.casefold() in told_by and isinstance(inner, (str, bool))
    ):
        hidden.update(name for name in properties if name.casefold() == _VALUE)
    return hidden


def _masked(value: t.Any, folded: frozenset[str]) -> t.Any:  # noqa: ANN401
    if isinstance(value, dict):
        hidden = _hidden(value, folded)
        return {
            name: MASK if inner is not None and name in hidden else _masked(inner, folded)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, folded) for inner in value]
    return value


def _leaves(value: t.Any) -> t.Iterator[str]:  # noqa: ANN401
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
