"""The sandbox's vendors as the policies of sinks see them: what a sink writes, and what is held."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from erp_vendors.http import codec
from tests.support.aim import shop_block
from tests.support.plugins import TargetRun, record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

Row = dict[str, t.Any]
TAKEN = {"status": 200, "type": "object", "members": ["billableItemList"]}
"""What Aimsio answers to a write that has worked, which its documents do not say."""
FAST = {"requests_per_second": 5000}
OPTIONS: dict[str, Row] = {
    # Each vendor as hard on its writers as its documents allow: an update clears what it lacks.
    "aimsio": {"omitted_fields": "clear"},
    "aim": {"update": "blank"},
    "pentamic": {"put": "clear"},
}


class Shop(t.NamedTuple):
    """One sink, and the records that a test writes to it.

    Attributes:
        vendor: Vendor.
        resource: Where the sandbox has its records.
        stream: The sink.
        key: Property by which a record is known, and its name in the sandbox.
        text: A property that changes, and its name in the sandbox.
        other: Another one.
        new: What a new record has beside these.
        block: Settings of the vendor, given the sandbox's address.
        stamp: Property with the vendor's change stamp; empty if there is none.
        id: Name of the sandbox's primary key.
    """

    vendor: str
    resource: str
    stream: str
    key: tuple[str, str]
    text: tuple[str, str]
    other: tuple[str, str]
    new: Row
    block: t.Callable[[RunningSandbox], Row]
    stamp: str
    id: str

    def record(self, row: Row, **changes: t.Any) -> Row:
        """What a tap and its user make of a record that the vendor has."""
        names = {*self.new, self.key[0], self.text[0], self.other[0], self.stamp} - {""}
        shown = {own: row[theirs] for own, theirs in (self.key, self.text, self.other)}
        return {**{name: row[name] for name in names if name in row}, **shown, **changes}

    def fresh(self, number: int, **changes: t.Any) -> Row:
        """A record that the vendor does not have."""
        own = {self.key[0]: self.new_key(number), self.text[0]: "new", self.other[0]: "new too"}
        return {**self.new, **own, **changes}

    def new_key(self, number: int) -> t.Any:
        """A key that no record has."""
        return {"pentamic": f"09{number:08}", "aim": 900_000 + number}.get(
            self.vendor, f"NEW-{number}"
        )

    def held(self, sandbox: RunningSandbox, key: object) -> Row | None:
        """What the vendor has with a key."""
        rows = sandbox.rows(self.vendor, self.resource)
        found = [row for row in rows if str(row.get(self.key[1])) == str(key)]
        assert len(found) < 2, found
        return found[0] if found else None

    def texts(self, sandbox: RunningSandbox, key: object) -> tuple[t.Any, t.Any] | None:
        """The two properties that change, as the vendor has them."""
        row = self.held(sandbox, key)
        return None if row is None else (row[self.text[1]], row[self.other[1]])

    def config(self, sandbox: RunningSandbox, folder: pathlib.Path, **sink: t.Any) -> Row:
        """The target's configuration, with the sink's policy."""
        return {
            self.vendor: {**self.block(sandbox), **FAST},
            "sinks": {self.stream: sink} if sink else {},
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "dead"),
            "report_file": str(folder / "report.json"),
        }

    def run(
        self, sandbox: RunningSandbox, folder: pathlib.Path, *rows: Row, **sink: t.Any
    ) -> TargetRun:
        """One run of the target."""
        return self.run_with(self.config(sandbox, folder, **sink), *rows)

    def run_with(self, config: Row, *rows: Row, keys: t.Sequence[str] = ()) -> TargetRun:
        """One run with a configuration, and with key properties in the SCHEMA message."""
        messages = [schema(self.stream, keys), *(record(self.stream, **row) for row in rows)]
        return run_target(config, [codec.encode(message) for message in messages])

    def writes(self, sandbox: RunningSandbox, since: int = 0) -> list[tuple[str, list[Row]]]:
        """The calls that wrote: method with path, and the records in it."""
        found = []
        for call in sandbox.calls(self.vendor, since):
            path = str(call["path"])
            if call["method"] in {"POST", "PUT"} and not _is_login(path):
                found.append((f"{call['method']} {path.rpartition('/')[2] or path}", _bodies(call)))
        return found

    def reads(self, sandbox: RunningSandbox, since: int = 0) -> list[str]:
        """The calls that read."""
        calls = sandbox.calls(self.vendor, since)
        return [str(c["path"]) for c in calls if c["method"] == "GET" and not _is_login(c["path"])]


def _is_login(path: object) -> bool:
    words = ("authenticate", "connect/token", "Security", "Token", "oauth", "Domain", "canary")
    return any(word.casefold() in str(path).casefold() for word in words)


def _bodies(call: t.Mapping[str, t.Any]) -> list[Row]:
    body = json.loads(call["body"] or "{}")
    query = dict(urllib.parse.parse_qsl(call["query"]))
    if isinstance(body, dict) and len(body) == 1 and isinstance(next(iter(body.values())), list):
        (body,) = body.values()
    rows = body if isinstance(body, list) else [body]
    return [{**query, **row} for row in rows]


def counts(run: TargetRun, stream: str) -> dict[str, int]:
    """Records by outcome, those that there are."""
    tally = run.target.run.delivery.tallies[stream]
    return {kind.value: count for kind, count in tally.items() if count}


def letters(folder: pathlib.Path, stream: str) -> list[Row]:
    """The dead letters of a sink."""
    file = folder / "dead" / f"{stream}.jsonl"
    lines = file.read_text().split("\n") if file.exists() else []
    return [json.loads(line) for line in lines if line]


SHOPS = {
    shop.vendor: shop
    for shop in (
        Shop(
            "aimsio",
            "billable_items",
            "aimsio_billable_items",
            ("billableItemCode", "billableItemCode"),
            ("billableItemName", "billableItemName"),
            ("billableItemDescription", "billableItemDescription"),
            {
                "billableItemIsTrade": True,
                "billableItemIsEquipment": False,
                "billableItemDefaultRate": 1,
                "billableItemDefaultRateType": "Hourly",
                "billableItemTypeUname": "labour",
                "billableItemTypeName": "Labour",
            },
            lambda sandbox: {
                "api_url": f"{sandbox.url}/aimsio",
                "username": "sandbox-user",
                "password": "sandbox-password",
                "resources": [{"name": "billable_items", "success": TAKEN}],
            },
            "billableItemUpdatedAt",
            "billableItemGuid",
        ),
        Shop(
            "cimcloud",
            "accounts",
            "cimcloud_accounts",
            ("ref_id", "ref_id"),
            ("nm", "nm"),
            ("address2", "address2"),
            {},
            lambda sandbox: {
                "api_url": f"{sandbox.url}/cimcloud",
                "site_name": "sandbox-site",
                "auth_key": "sandbox-key",
                "username": "sandbox-user",
                "password": "sandbox-password",
            },
            "last_modify_date",
            "a_key",
        ),
        Shop(
            "pentamic",
            "customers",
            "pentamic_customers",
            ("taxCode", "taxCode"),
            ("phone", "phone"),
            ("address", "address"),
            {"name": "Ann"},
            lambda sandbox: {
                "api_url": f"{sandbox.url}/pentamic/api",
                "token_url": f"{sandbox.url}/pentamic/connect/token",
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "scope": "pa-api",
            },
            "",
            "id",
        ),
        Shop(
            "aim",
            "customers",
            "aim_customers",
            ("Acct", "Acct"),
            ("City", "City"),
            ("Address2", "Addr2"),
            {"Name": "Ann Lee", "Email": "ann@example.com"},
            shop_block,
            "",
            "Acct",
        ),
    )
}
"""One sink of each vendor whose records can be changed."""
