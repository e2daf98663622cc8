"""Every open point of the vendors can be played with each of its answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.cli import main
from erp_sandbox.testing import running_sandbox
from erp_sandbox.variants import play_variants
from erp_sandbox.vendor import vendors

if TYPE_CHECKING:
    from collections.abc import Callable

    from erp_sandbox.testing import RunningSandbox

    Look = Callable[[RunningSandbox], Any]

pytestmark = pytest.mark.slow

ALL = [(name, variant) for name, kind in vendors().items() for variant in kind.variants]


@dataclass
class Point:
    """What one look at a vendor finds under each answer to one of its open points.

    Attributes:
        look: Reads the vendor by plain requests.
        found: What it finds, by answer.
        options: Options of the vendor that the look needs under every answer.
    """

    look: Look
    found: dict[str, Any]
    options: dict[str, Any]


POINTS: dict[str, Point] = {}


def point(name: str, look: Look, options: dict[str, Any] | None = None, **found: object) -> None:
    """Note a look; names of answers are written with ``_`` for ``-``."""
    POINTS[name] = Point(
        look, {key.strip("_").replace("_", "-"): found[key] for key in found}, options or {}
    )
