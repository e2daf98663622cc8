"""Settings of the sandbox, and how option dataclasses become command line options."""

from __future__ import annotations

import argparse
import os
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_type_hints

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
    """

    size: int = 60
    seed: int = 1
    latency_ms: float = 0
    limits: bool = True
    limit_scale: float = 1.0
    database: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)
    vendors: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def add_options(parser: argparse.ArgumentParser, vendor: str, options: type[Any]) -> None:
    """Add one vendor's options, as ``--VENDOR-NAME``, to a parser.

    The default is the environment variable ``ERP_SANDBOX_VENDOR_NAME`` if it is set.
    """
    group = parser.add_argument_group(f"{vendor} options")
    hints = get_type_hints(options)
    for item in fields(options):
        flag = f"--{vendor}-{item.name}".replace("_", "-")
        name = f"{ENVIRONMENT_PREFIX}{vendor}_{item.name}".upper()
        default = _default(item)
        shown = ",".join(default) if isinstance(default, tuple) else default
        convert = _converter(hints[item.name], item.metadata.get("choices"))
        if name in os.environ:
            try:
                default = convert(os.environ[name])
            except (argparse.ArgumentTypeError, ValueError) as error:
                parser.error(f"environment variable {name}: {error}")
        text = f"{item.metadata.get('help', '')} (default: {shown})".replace("%", "%%")
        destination = f"{vendor}.{item.name}"
        if hints[item.name] is bool:
            group.add_argument(
                flag,
                dest=destination,
                default=default,
                action=argparse.BooleanOptionalAction,
                help=text,
            )
        else:
            group.add_argument(
                flag,
                dest=destination,
                default=default,
                type=convert,
                help=text,
                metavar=item.name.upper(),
            )


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


def read_options(parsed: argparse.Namespace, vendor: str, options: type[Any]) -> dict[str, Any]:
    """Return one vendor's options from parsed arguments."""
    return {item.name: getattr(parsed, f"{vendor}.{item.name}") for item in fields(options)}


def _default(item: Any) -> Any:  # noqa: ANN401 - dataclasses.Field of anything
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default


def _converter(hint: Any, choices: tuple[str, ...] | None) -> Any:  # noqa: ANN401 - a type or a function
    if hint is bool:
        return lambda text: text.strip().lower() in {"1", "true", "yes", "on"}
    if hint in {int, float}:
        return hint

    def check(text: str) -> str:
        if choices is not None and text not in choices:
            message = f"{text!r} is none of {', '.join(choices)}"
            raise argparse.ArgumentTypeError(message)
        return text

    if hint is str:
        return check
    return lambda text: tuple(check(part.strip()) for part in text.split(",") if part.strip())
