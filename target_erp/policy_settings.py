"""The settings that say what a sink may change at its vendor; they stand in `sinks`."""

from __future__ import annotations

import difflib
import logging
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.settings import Setting
from target_erp.delivery.policy import FieldRule, Mode, SinkPolicy

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer

logger = logging.getLogger("target-erp")

_LIKENESS = 0.8
"""From which on a name is likely to be another one's misspelling."""
_TEXTS = {"items": {"type": "string", "minLength": 1}, "minItems": 1}

POLICY_SETTINGS = (
    Setting(
        "mode",
        "string",
        "Mode",
        "Which records are written: upsert (all), update_only (those that the vendor has) or "
        "create_only (those that it does not have). The others are skipped.",
        "upsert",
        options=tuple(mode.value for mode in Mode),
    ),
    Setting(
        "match_on",
        "array",
        "Business key",
        "Property, or list of properties, by which a record is looked up at the vendor. Several "
        "matches are a refusal that lists them.",
        schema={"type": ["string", "array"], "minLength": 1, **_TEXTS},
    ),
    Setting(
        "fields",
        "object",
        "Fields that may change",
        "Properties of an existing record that may change: a list, or an object with a rule for "
        "each: always, fill_empty (only where the vendor has nothing), never_clear (nulls and "
        "blanks do not overwrite), protect (not changed). A new record is created whole.",
        schema={
            "type": ["array", "object"],
            **_TEXTS,
            "minProperties": 1,
            "additionalProperties": {"type": "string", "enum": [rule.value for rule in FieldRule]},
        },
    ),
    Setting(
        "on_conflict",
        "string",
        "On conflict",
        "What becomes of a record that somebody has changed at the vendor since it was last read "
        "or written: overwrite, or refuse (class conflict in the dead letters).",
        "overwrite",
        options=("overwrite", "refuse"),
    ),
    Setting(
        "max_records",
        "integer",
        "Largest number of records",
        "A trial: how many records of the input are taken. STATE does not pass the others.",
        schema={"minimum": 1},
    ),
    Setting(
        "only",
        "array",
        "Only these records",
        "A trial: key values (as text) of the records that are taken. STATE does not pass the "
        "others.",
        schema=_TEXTS,
    ),
)
"""Keys of an entry of `sinks`."""


def policy_of(entry: t.Mapping[str, t.Any]) -> SinkPolicy:
    """What an entry of the setting `sinks` says; the config schema has checked it."""
    match_on, fields, only = (entry.get(name) for name in ("match_on", "fields", "only"))
    if isinstance(fields, list):
        fields = dict.fromkeys(fields, FieldRule.ALWAYS.value)
    return SinkPolicy(
        Mode(entry.get("mode") or Mode.UPSERT),
        (match_on,) if isinstance(match_on, str) else tuple(match_on or ()),
        None if fields is None else {name: FieldRule(rule) for name, rule in fields.items()},
        entry.get("on_conflict") == "refuse",
        entry.get("max_records"),
        None if only is None else frozenset(only),
    )


def check_policy(writer: Writer, *, deletes: bool) -> None:
    """Whether a sink can do what its settings ask of it.

    Args:
        writer: The sink's writer, with its policy.
        deletes: Records of the sink may be deleted.

    Raises:
        ConfigError: If not; the message names sink and key.
    """
    policy, where = writer.policy, f"config: 'sinks.{writer.stream}"
    for key, names in (("match_on", policy.match_on), ("fields", policy.fields or ())):
        for name in names:
            if meant := _misspelt(writer, name):
                # No document is complete, so the name may be right.
                logger.warning(
                    "%s.%s' names %s, and no document does; did you mean %s?",
                    where,
                    key,
                    name,
                    meant,
                )
    for key, ability in policy.asks.items():
        if ability not in writer.abilities:
            said = ", ".join(policy.match_on) if key == "match_on" else ability
            said = "given" if key == "fields" else said
            msg = f"{where}.{key}' is {said}, which this sink cannot do: {writer.inability}"
            raise ConfigError(msg)
    why = writer.cannot_match(policy.match_on) if policy.match_on else ""
    if why:
        msg = f"{where}.match_on' is {', '.join(policy.match_on)}, which cannot be looked up: {why}"
        raise ConfigError(msg)
    if policy.is_trial and deletes:
        key = "only" if policy.only is not None else "max_records"
        msg = f"{where}.{key}' is a trial, and a trial deletes nothing: take it out of 'deletes'"
        raise ConfigError(msg)


def _misspelt(writer: Writer, name: str) -> str:
    """The documented property that a name is likely to stand for; empty if it is right."""
    known = writer.documented.known if writer.documented else frozenset()
    near = () if name in known else difflib.get_close_matches(name, known, n=1, cutoff=_LIKENESS)
    return next(iter(near), "")
