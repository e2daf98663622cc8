"""The file of a plan: a header line that binds it, and a JSON line for each record."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import secrets
import tempfile
import time
import typing as t

from erp_ledger.partitions import iso
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.private import make_file, replace_file
from erp_vendors.stamps import to_epoch_ms
from target_erp.delivery.approval import Approval, Fingerprints, PlanLine

if t.TYPE_CHECKING:
    from erp_ledger import Ledger

FORMAT = 1
"""Number of the layout of a plan."""
_SALT_BYTES = 16
_KEY_BYTES = 32
_HOUR = 3_600_000
_CHECK = "which ledger it is"
_ANEW = "make the plan anew (dry_run, or erp plan)"


@dataclasses.dataclass(frozen=True, slots=True)
class Binding:
    """What a plan is bound to.

    Attributes:
        version: Version of this package.
        accounts: Account by vendor: address and login.
        settings: Values of the settings that decide what is written, by name.
    """

    version: str
    accounts: t.Mapping[str, str]
    settings: t.Mapping[str, t.Any]


class PlanFile:
    """A plan that is being written; it appears under its name when it is whole.

    Attributes:
        path: The file.
        fingerprints: Bind its lines.
        binds_secrets: Its key is that of the ledger, so secret values can be compared by it. Else
            the key stands in the plan, and what holds a secret is not bound and cannot be applied.
    """

    def __init__(self, path: str, binding: Binding, ledger: Ledger | None) -> None:
        """Start a plan.

        Args:
            path: The setting `plan_file`.
            binding: What the plan is bound to.
            ledger: The ledger; None if there is none yet.

        Raises:
            ConfigError: If the file cannot be written.
        """
        self.path = pathlib.Path(path)
        self._binding = binding
        salt = secrets.token_hex(_SALT_BYTES)
        self.binds_secrets = ledger is not None
        own = "" if ledger is not None else secrets.token_hex(_KEY_BYTES)
        self.fingerprints = Fingerprints(_key(salt, own, ledger))
        self._seal = {"salt": salt, "key": own}
        self._records = 0
        make_file("plan_file", self.path)
        os.truncate(self.path, 0)  # an empty plan must not leave an old one in its place
        self._lines = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def __str__(self) -> str:
        return str(self.path)

    def add(self, line: t.Mapping[str, t.Any]) -> None:
        """Add a line.

        Args:
            line: What is planned for a record.
        """
        self._records += 1
        self._lines.write(codec.encode(line) + b"\n")

    def close(self, *, whole: bool, left_out: t.Mapping[str, int]) -> None:
        """Put the file in its place.

        Args:
            left_out: Records that a trial left out, by sink.
            whole: The whole input was planned; else the plan can be read, and not be applied.

        Raises:
            ConfigError: If the file cannot be written.
        """
        header = {
            "plan": FORMAT,
            "version": self._binding.version,
            "made_at": iso(int(time.time() * 1000)),
            "whole": whole,
            "records": self._records,
            "left_out": dict(left_out),
            "accounts": dict(self._binding.accounts),
            "settings": _hashes(self._binding.settings, self.fingerprints),
            **self._seal,
            "check": self.fingerprints.of(_CHECK),
        }
        with self._lines as lines:
            lines.seek(0)
            header["digest"] = _digest(header, lines)
            lines.seek(0)
            try:
                replace_file(self.path, [codec.encode(header), b"\n", *lines])
            except OSError as error:
                msg = f"cannot write the plan (setting 'plan_file'): {error}"
                raise ConfigError(msg) from None


def lines_of(path: str) -> tuple[dict[str, t.Any], list[dict[str, t.Any]]]:
    """Read a plan.

    Args:
        path: The file.

    Returns:
        Its header, and what is planned for each record.

    Raises:
        ConfigError: If it is no plan, or was cut or changed.
    """
    try:
        with pathlib.Path(path).open("rb") as file:
            header = codec.decode(file.readline())
            rest = file.readlines()
    except (OSError, ValueError) as error:
        msg = f"cannot read the plan {path}: {error}; {_ANEW}"
        raise ConfigError(msg) from None
    if not isinstance(header, dict) or header.get("plan") != FORMAT:
        msg = f"{path} is no plan of this version, which begins with a header line; {_ANEW}"
        raise ConfigError(msg)
    if header.pop("digest", None) != _digest(header, rest):
        msg = f"the plan {path} was cut or changed since it was made; {_ANEW}"
        raise ConfigError(msg)
    return header, [codec.decode(line) for line in rest]


def approval_of(path: str, hours: float, binding: Binding, ledger: Ledger) -> Approval:
    """What a plan allows, if it may be applied.

    Args:
        path: The setting `apply`.
        hours: The setting `plan_max_hours`.
        binding: What a plan of this run would be bound to.
        ledger: The ledger.

    Raises:
        ConfigError: If it may not: the message says why, and nothing was written.
    """
    header, lines = lines_of(path)
    fingerprints = Fingerprints(_key(str(header["salt"]), str(header["key"]), ledger))
    why = _unfit(header, hours, binding, fingerprints)
    if why:
        msg = f"the plan {path} (setting 'apply') {why}; nothing was written: {_ANEW}"
        raise ConfigError(msg)
    return Approval(
        (
            PlanLine(
                line["stream"],
                line["key"],
                line["step"],
                line["changes"],
                line["record"],
                line["change"],
            )
            for line in lines
        ),
        fingerprints,
    )


def _unfit(
    header: t.Mapping[str, t.Any], hours: float, binding: Binding, fingerprints: Fingerprints
) -> str:
    """Why a plan does not fit a run; empty if it does."""
    if not header["whole"]:
        return "is not whole, because the run that made it failed"
    age = (time.time() * 1000 - (to_epoch_ms(header["made_at"]) or 0)) / _HOUR
    if age > hours:
        return f"is {age:.1f} hours old, and plan_max_hours is {hours:g}"
    if header["version"] != binding.version:
        return f"was made by version {header['version']}, and this is {binding.version}"
    if header["accounts"] != dict(binding.accounts):
        vendors = {**header["accounts"], **binding.accounts}
        other = [
            name for name in vendors if header["accounts"].get(name) != binding.accounts.get(name)
        ]
        return f"was made for another account ({', '.join(other)})"
    if header["check"] != fingerprints.of(_CHECK):
        return "was made with another ledger"
    now = _hashes(binding.settings, fingerprints)
    names = sorted({*now, *header["settings"]})
    differ = [name for name in names if now.get(name) != header["settings"].get(name)]
    return f"was made with other settings ({', '.join(differ)})" if differ else ""


def _key(salt: str, own: str, ledger: Ledger | None) -> bytes:
    secret = bytes.fromhex(own) if own or ledger is None else ledger.base_key()
    return hashlib.blake2b(salt.encode(), digest_size=_KEY_BYTES, key=secret).digest()


def _hashes(settings: t.Mapping[str, t.Any], fingerprints: Fingerprints) -> dict[str, str]:
    return {name: fingerprints.of(value) for name, value in settings.items()}


def _digest(header: t.Mapping[str, t.Any], lines: t.Iterable[bytes]) -> str:
    found = hashlib.sha256(codec.encode_sorted(header))
    for line in lines:
        found.update(line)
    return found.hexdigest()
