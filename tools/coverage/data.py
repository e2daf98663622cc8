"""What the files of a vendor say that its code cannot tell."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from tools.generated import ROOT

OPERATIONS = ROOT / "tests/operations"
VENDOR_DATA = pathlib.Path(__file__).parent / "vendors"


@dataclasses.dataclass(frozen=True, kw_only=True)
class VendorData:
    """The content of `vendors/<vendor>.json`; each part may be left out.

    Attributes:
        credentials: Settings without which the vendor's client cannot be made. They are made up:
            nothing is called, so nobody is asked whether they are right.
        options: Settings that bring further streams; `NAME` in a value is a name that users choose.
        note: A sentence for the page.
        used: Operations by what they are used for: `login`, `connection test`, or a stream.
        guesses: Operation that a resource's guessed path stands for, by resource.
        left_out: Operations that nothing calls, by reason.
    """

    credentials: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    options: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    note: str = ""
    used: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    guesses: dict[str, str] = dataclasses.field(default_factory=dict)
    left_out: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def reason(self, operation: str) -> str:
        """Why nothing calls an operation; empty if no reason is given."""
        return next((why for why, names in self.left_out.items() if operation in names), "")


def data_of(vendor: str) -> VendorData:
    """What a vendor's file says."""
    return VendorData(**json.loads((VENDOR_DATA / f"{vendor}.json").read_text("utf-8")))


def operations(vendor: str) -> list[dict[str, str]]:
    """The operations that a vendor's documents name.

    Returns:
        `operation`, `section` of the fact sheet, and `mark` of each.
    """
    text = (OPERATIONS / f"{vendor}.json").read_text("utf-8")
    return t.cast("list[dict[str, str]]", json.loads(text))
