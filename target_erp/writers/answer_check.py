"""Whether an answer fits what was sent, or the schema of the vendor's OpenAPI file."""

from __future__ import annotations

import typing as t

import jsonschema_rs

from erp_vendors.errors import ConfigError, DataError
from target_erp.delivery.model import Finding, UntoldError
from target_erp.delivery.unclear_answer import (
    bare,
    members_of,
    pairs_of,
    speaks_of_trouble,
    text_of,
)

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from target_erp.delivery import Write
    from target_erp.delivery.answers import Documented
    from target_erp.delivery.model import Body, LookUpResult


def by_schema(schema: t.Mapping[str, t.Any] | None) -> Documented | None:
    """What tells a success by the schema of the vendor's OpenAPI file.

    An answer has to fit, to show a declared property with a value, and to speak neither of trouble
    nor of other records; a schema that is open for everything would let any object pass.

    Args:
        schema: The schema of the answer; None if the file has none.

    Raises:
        ConfigError: If the schema cannot be used.
    """
    if schema is None:
        return None
    try:
        validator = jsonschema_rs.validator_for(dict(schema))
    except ValueError as error:
        msg = f"the schema of an answer cannot be used: {error}"
        raise ConfigError(msg) from None
    many = schema.get("type") == "array"
    declared = (schema["items"] if many else schema)["properties"]

    def fits(answer: Answer, said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401, ARG001
        rows = said if many else [said]
        return (
            isinstance(rows, list)
            and len(rows) >= (len(writes) if many else 1)
            and validator.is_valid(said)
            and all(_shows_any(row, declared) for row in rows)
            and not speaks_of_trouble(said, writes)
            and not is_of_others(said, writes)
        )

    return fits


def either(*rules: Documented | None) -> Documented | None:
    """What tells a success if one of several does.

    Args:
        *rules: They; None where there is none.
    """
    known = [rule for rule in rules if rule is not None]
    if not known:
        return None
    return lambda answer, said, writes: any(rule(answer, said, writes) for rule in known)


def is_of_others(said: t.Any, writes: t.Sequence[Write]) -> bool:  # noqa: ANN401
    """Whether an answer names records by their keys, and not all that were sent.

    Args:
        said: The parsed body.
        writes: What was sent.
    """
    wanted = [set(pairs_of(write)) for write in writes]
    names = {name for pairs in wanted for name, _ in pairs}
    named = {(bare(name), text_of(value)) for name, value in members_of(said)}
    named = {pair for pair in named if pair[0] in names}
    return bool(named) and not all(pairs & named for pairs in wanted)


def shows_key(said: t.Mapping[str, t.Any], write: Write) -> bool:
    """Whether an object shows one of a record's keys whole.

    Args:
        said: The object.
        write: The record.
    """
    shown = {(bare(name), text_of(value)) for name, value in said.items() if _is_scalar(value)}
    keys = (set(pairs_of(write, key)) for key in write.key)
    return any(pairs and pairs <= shown for pairs in keys)


def row_of(look: LookUpResult) -> Body | None:
    """The vendor's version of a record, for a plan.

    Args:
        look: What was found.

    Raises:
        UntoldError: If nobody can tell whether there is one.
        DataError: If the vendor's answer makes no sense.
    """
    if look.finding is Finding.CANNOT_TELL:
        raise DataError(look.why) if look.unreadable else UntoldError(look.why)
    return look.row


def _shows_any(row: object, declared: t.Collection[str]) -> bool:
    return isinstance(row, dict) and any(
        name in declared and value not in (None, "", [], {}, False, 0)
        for name, value in row.items()
    )


def _is_scalar(value: object) -> bool:
    return not isinstance(value, (dict, list))
