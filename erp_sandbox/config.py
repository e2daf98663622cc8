"""Settings of the sandbox, and how option dataclasses become command line options."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_type_hints

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "ERP_SANDBOX_"


def option(default: object, text: str, choices: tuple[str, ...] | None = None) -> Any:  # noqa: ANN401
    """Return a dataclass field that is also a command line option.

    Args:
        default: Its value when not given. The field's annotation must be str, int, float, bool
            or ``tuple[str, ...]`` (typed with commas).
        text: Help text.
        choices: Allowed values of a str; of a tuple, allowed members.
    """
    return field(default=default, metadata={"help": text, "choices": choices})


@dataclass
class Settings:
    """How the sandbox runs.

    Attributes:
        size: Rows per resource.
        seed: Seed of data and random faults.
        latency_ms: Milliseconds that every vendor call takes at least.
        limits: False switches the vendors' rate limits off.
        limit_scale: Factor on the vendors' allowed rates.
        database: SQLite file that keeps the rows, or None for memory.
        faults: Fault rules in force from the start.
        vendors: Options of each vendor, by its name.
        variants: Answers to open points by ``VENDOR.NAME``; they go before the options.
    """

    size: int = 60
    seed: int = 1
    latency_ms: float = 0
    limits: bool = True
    limit_scale: float = 1.0
    database: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    vendors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)


def command_options(vendor: str, options: type[Any]) -> list[click.Option]:
    """Return one vendor's options as options of a command, ``--VENDOR-NAME``.

    The default is the environment variable ``ERP_SANDBOX_VENDOR_NAME`` if it is set.
    """
    hints = get_type_hints(options)
    made: list[click.Option] = []
    for item in fields(options):
        flag = f"--{vendor}-{item.name}".replace("_", "-")
        default = _default(item)
        shown = ",".join(default) if isinstance(default, tuple) else default
        switch = hints[item.name] is bool
        made.append(
            _VendorOption(
                [f"{flag}/--no-{flag[2:]}" if switch else flag, _parameter(vendor, item.name)],
                default=default,
                envvar=f"{ENVIRONMENT_PREFIX}{vendor}_{item.name}".upper(),
                type=_type(hints[item.name], item.metadata.get("choices")),
                metavar=None if switch else item.name.upper(),
                help=f"{item.metadata.get('help', '')} (default: {shown})",
            )
        )
    return made


def check_options(options: Any) -> None:  # noqa: ANN401 - some vendor's dataclass
    """Check an option dataclass that was made without the command line.

    Raises:
        ValueError: A value is none of the allowed ones.
    """
    for item in fields(options):
        choices = item.metadata.get("choices")
        value = getattr(options, item.name)
        parts = value if isinstance(value, tuple) else (value,)
        wrong = [part for part in parts if choices and part not in choices]
        if wrong:
            message = f"option {item.name}: {wrong[0]!r} is none of {', '.join(choices or ())}"
            raise ValueError(message)


def read_options(parsed: Mapping[str, Any], vendor: str, options: type[Any]) -> dict[str, Any]:
    """Return one vendor's options from a command's parsed ones."""
    return {item.name: parsed[_parameter(vendor, item.name)] for item in fields(options)}


def _parameter(vendor: str, name: str) -> str:
    return f"{vendor}_{name}"


def _default(item: Any) -> Any:  # noqa: ANN401 - dataclasses.Field of anything
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default


class _VendorOption(click.Option):
    """An option whose errors name the variable, too, because that may hold the wrong value."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return f"{super().get_error_hint(ctx)} (environment: {self.envvar})"


def _type(hint: Any, choices: tuple[str, ...] | None) -> Any:  # noqa: ANN401 - what click takes
    if hint in {bool, int, float}:
        return hint
    if hint is str:
        return str if choices is None else click.Choice(choices)

    def words(value: str | tuple[str, ...]) -> tuple[str, ...]:
        if isinstance(value, tuple):  # the default
            return value
        found = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in found:
            if choices is not None and word not in choices:
                message = f"{word!r} is none of {', '.join(choices)}"
                raise click.BadParameter(message)
        return found

    return words
