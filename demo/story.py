"""What the demo does, shows and checks."""

from __future__ import annotations

import datetime as dt
import json
import textwrap
import typing as t

from demo.meltano import say
from demo.warehouse import EDITS, Warehouse
from erp_vendors.cimcloud.resources import RESOURCES

if t.TYPE_CHECKING:
    from demo.meltano import Meltano
    from demo.sandbox import DemoSandbox
    from demo.warehouse import Edit

INDEX = "aimsio_object_index"
KEYLESS = {f"cimcloud_{resource.name}" for resource in RESOURCES if not resource.primary_keys}
"""Streams without a key are read whole in each run."""
NOT_TABLES = {
    "aim_inventory",
    "aim_inventory_images",
    "aim_inventory_quantities",
    "aim_rental_instruments",
    "aim_serials",
    "aim_store_transfers",
    "aim_transfer_lines",
}
"""Streams whose operation shows a part of a table (no deleted items, instruments for rent,
open transfers), or its rows
grouped (quantities by location), so that their numbers differ from the table's."""


class Story:
    """The steps, in order.

    Args:
        sandbox: The vendors.
        meltano: Runs Meltano.

    Attributes:
        wrong: What did not come out as it had to.
    """

    def __init__(self, sandbox: DemoSandbox, meltano: Meltano) -> None:
        self._sandbox = sandbox
        self._meltano = meltano
        self._warehouse = Warehouse(meltano.warehouse)
        self.wrong: list[str] = []

    def tell(self) -> None:
        """Run all steps; one that fails ends the story."""
        for step in (self._read, self._write, self._read_again):
            step()
            if self.wrong:
                return

    def _read(self) -> None:
        say("\n1. Read everything into the warehouse")
        self._expect(self._meltano.run("1-read", "read"), 0, "exit code of the first read")
        if self.wrong:
            return
        loaded = self._warehouse.counts()
        say(f"\n  {'Stream':<40}{'vendor has':>12}{'loaded':>8}")
        for vendor, played in self._sandbox.vendors().items():
            rows: dict[str, int] = played["rows"]
            held = {f"{vendor}_{resource}": count for resource, count in rows.items()}
            streams = [stream for stream in loaded if stream.startswith(f"{vendor}_")]
            for stream in streams:
                table = held.get(stream, "")
                note = "  not the whole table" if stream in NOT_TABLES else ""
                say(f"  {stream:<40}{table:>12}{loaded[stream]:>8}{note}")
            if not set(streams) & set(held):
                self.wrong.append(f"nothing was read from {vendor}")
            for stream in sorted(set(streams) & set(held) - NOT_TABLES):
                self._expect(loaded[stream], held[stream], f"rows of {stream}")
        self._calls()

    def _write(self) -> None:
        say("\n2. Correct some records in the warehouse (demo/edits.sql) and write them back")
        self._warehouse.edit()
        edited = {edit: self._warehouse.view(edit.view) for edit in EDITS}
        say("  One record of each vendor carries a value that must be refused: target-erp writes")
        say("  the others and ends with exit code 3, which Meltano calls a failure.")
        code = self._meltano.run("2-write", "write")
        self._expect(code != 0, True, "that Meltano reports the refused records")  # noqa: FBT003
        for edit, records in edited.items():
            letters = self._letters(edit)
            refused = str(records[edit.refused][edit.key])
            held = {
                str(row.get(edit.key)): row.get(edit.column)
                for row in self._sandbox.rows(edit.vendor, edit.resource)
            }
            written = [
                str(record[edit.key])
                for record in records
                if held.get(str(record[edit.key])) == record[edit.column]
            ]
            say(f"\n  {edit.sink}: {len(written)} written, {len(letters)} refused")
            for letter in letters:
                say(f"    refused {edit.key} {letter['key'].get(edit.key)}:")
                say(textwrap.indent(textwrap.fill(letter["reason"], 90), "      "))
            wanted = [str(record[edit.key]) for record in records]
            wanted.remove(refused)
            self._expect(written, wanted, f"written {edit.sink}")
            found = [letter["key"].get(edit.key) for letter in letters]
            self._expect(found, [refused], f"refused {edit.sink}")
            self._expect(all(letter["reason"] for letter in letters), True, "reasons")  # noqa: FBT003
        self._calls()

    def _read_again(self) -> None:
        say("\n3. The vendors' own users work on; then read again")
        employee = self._sandbox.rows("aimsio", "employees")[-1]
        company = self._sandbox.rows("aimsio", "companies")[0]
        product = self._sandbox.rows("cimcloud", "products")[0]
        self._sandbox.delete("aimsio", "employees", employee["employeeGuid"])
        self._sandbox.change("aimsio", "companies", company["companyGuid"], {"companyName": "New"})
        self._sandbox.change("cimcloud", "products", product["p_key"], {"nm": "New name"})
        say("  One employee deleted and one company renamed at Aimsio, one product at CIMcloud.")
        expected = {
            "aimsio_employees": 3,
            "aimsio_companies": 1,
            "cimcloud_accounts": 2,
            "cimcloud_products": 1,
            # The index is read whole each time; the deleted employee is not in it.
            INDEX: self._warehouse.counts()[INDEX] - 1,
        }
        now = dt.datetime.now(dt.timezone.utc).isoformat()
        self._sandbox.call("POST", "/_sandbox/reset", {})
        self._expect(self._meltano.run("3-read", "read"), 0, "exit code of the second read")
        loaded = {name: count for name, count in self._warehouse.counts(now).items() if count}
        changed = {
            name: count
            for name, count in loaded.items()
            if name.startswith(("aimsio_", "cimcloud_")) and name not in KEYLESS
        }
        say("\n  Read by the second run from Aimsio and CIMcloud (others with a key had no news):")
        for stream, count in changed.items():
            note = "  the index is always read whole" if stream == INDEX else ""
            say(f"  {stream:<40}{count:>8}{note}")
        whole = sum(loaded.values()) - sum(changed.values())
        if whole:
            say(f"  Other streams have no change stamp or no key: {whole} rows read again.")
        self._expect(changed, expected, "what the second run read")
        gone = self._warehouse.deleted(INDEX)
        for entity, key in gone:
            say(f"  {entity} {key} was deleted at the vendor: {INDEX} no longer lists it.")
        self._expect(gone, [("Employee", employee["employeeGuid"])], "the deletions")
        self._calls()

    def _letters(self, edit: Edit) -> list[dict[str, t.Any]]:
        path = self._meltano.dead_letters / f"{edit.sink}.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def _calls(self) -> None:
        report = self._sandbox.report()
        say("\n  Calls, as the vendors counted them:")
        for vendor, counters in report.items():
            statuses = ", ".join(
                f"{count} with {status}" for status, count in counters["by_status"].items()
            )
            say(f"    {vendor:<10}{counters['calls']:>6} ({statuses or 'none'})")
        self._sandbox.call("POST", "/_sandbox/reset", {})

    def _expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found} instead of {wanted}")
