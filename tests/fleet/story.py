"""A fleet's runs, one after the other, and what has to be true after each of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import typing as t

from tests.fleet import checks
from tests.fleet.accounts import (
    DYING,
    LOSING,
    RATE,
    READ,
    SHARED,
    WRONG,
    vendors,
    write_project,
)
from tests.fleet.databases import databases
from tests.fleet.engine import ROOT, Airflow, end_all_of

if t.TYPE_CHECKING:
    import pathlib

    from tests.fleet.accounts import Account

_MELTANO = ROOT / ".venv" / "bin" / "meltano"
_INSTALL_SECONDS = 600


class Fleet:
    """Accounts, their vendors, and an Airflow that works on them.

    Attributes:
        wrong: What is not as it has to be.
        figures: What was measured, by its name.
    """

    def __init__(self, accounts: t.Sequence[Account], airflow: Airflow, database: str) -> None:
        self.accounts = {account.name: account for account in accounts}
        self.airflow = airflow
        self._database = database
        self._dead: set[str] = set()
        self.wrong: list[str] = []
        self.figures: dict[str, object] = {}

    def kill_a_reading(self) -> None:
        """A vendor hangs up from its second call on."""
        dying = self.accounts[DYING]
        dying.sandbox.add_fault("cut_before", vendor=dying.vendor, after=1)
        self._dead = {DYING}

    def kill_a_write(self, *, whole: bool) -> None:
        """A vendor takes a record, and its answer gets lost; a `whole` one is dead from then on."""
        losing = self.accounts[LOSING]
        call = {"vendor": losing.vendor, "path": "order"}
        losing.sandbox.add_fault("cut_after", method="POST", times=1, **call)
        if whole:
            # The look-up before the record is answered, and nothing behind it.
            losing.sandbox.add_fault("cut_before", method="GET", after=1, **call)
            self._dead = {LOSING}

    def revive(self) -> None:
        """All vendors are there again; each fault has struck before."""
        for account in self.accounts.values():
            struck = [fault["used"] != 0 for fault in account.sandbox.faults()]
            self._expect(struck, [True] * len(struck), f"faults of {account.name} that struck")
            account.sandbox.clear_faults()
        self._dead = set()

    def run(self, dag: str, how: t.Callable[[str], dict[str, str]]) -> None:
        """Run a DAG, and check that the bad accounts alone are red."""
        began = time.monotonic()
        states = how(dag)
        due = [name for name, one in self.accounts.items() if dag == READ or one.sinks]
        bad = {name for name in due if name in {WRONG, *self._dead}}
        self._add("seconds of each DAG run", f"{dag} {time.monotonic() - began:.0f}")
        self._expect(states.pop(dag), "failed" if bad else "success", f"the run of {dag}")
        self._expect(set(states), set(due), f"the map indexes of {dag}")
        for name, state in states.items():
            self._expect(state, "failed" if name in bad else "success", f"{dag} of {name}")

    def check_tables(self) -> None:
        """Each table equals its vendor, but those that a bad account has not read."""
        bad = {WRONG, *self._dead}
        good = [one for one in self.accounts.values() if one.name not in bad]
        for account in good:
            self.wrong += checks.differences(self._database, account)
        tables = sum(len(account.streams) for account in good)
        rows = sum(len(account.rows(stream)) for account in good for stream in account.streams)
        self.figures["tables equal to their vendors"] = (
            f"{tables} of {len(good)} accounts, {rows} rows"
        )

    def make_views(self) -> None:
        """What is written back."""
        checks.make_views(self._database, self.accounts.values())

    def check_writes(self) -> None:
        """Every record was written once, by the vendor's own count."""
        done = 0
        for account in self.accounts.values():
            self._expect(checks.doubles(account), {}, f"doubles at {account.name}")
            if account.name in self._dead:
                continue
            made, changed = checks.created(account), checks.updated(account)
            self._expect(made, checks.to_create(account), f"records made at {account.name}")
            self._expect(changed, checks.to_update(account), f"updates of {account.name}")
            done += sum(made.values()) + sum(changed.values())
        self.figures["records written, none twice"] = done

    def check_limit(self) -> None:
        """The accounts that share a login keep its limit together."""
        account = self.accounts[SHARED[0]]
        most = checks.most_in_a_second(account)
        report = account.sandbox.report(account.vendor)
        if most > RATE:
            self.wrong.append(f"{most} calls in one second of {account.name}")
        self._expect({"429", "timeout", "cut"} & report["by_status"].keys(), set(), "calls refused")
        self.figures["calls of the shared login, most in any second"] = f"{report['calls']}, {most}"

    def _expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")

    def _add(self, name: str, text: str) -> None:
        self.figures[name] = ", ".join(filter(None, (str(self.figures.get(name, "")), text)))


@contextlib.contextmanager
def fleet(
    folder: pathlib.Path, accounts: t.Sequence[Account], *, retries: int
) -> t.Iterator[Fleet]:
    """Set a fleet up, with databases of its own.

    Args:
        folder: Where its files go; it does not exist.
        accounts: Its accounts.
        retries: How often Airflow tries a task again.
    """
    with databases() as made, vendors(accounts), end_all_of(folder):
        secrets = write_project(folder, accounts, made, retries=retries)
        airflow = Airflow(folder, made.airflow, {**secrets, "ERP_MELTANO": str(_MELTANO)})
        # As README.md says: the plugins are installed, and one command migrates the database.
        system = {"MELTANO_DATABASE_URI": secrets["AIRFLOW_VAR_ERP_SYSTEM_DATABASE"]}
        for command in (("install",), ("state", "list")):
            done = subprocess.run(
                [str(_MELTANO), *command],
                cwd=folder,
                env={**os.environ, **system},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        airflow.set_up()
        yield Fleet(accounts, airflow, made.fleet)
