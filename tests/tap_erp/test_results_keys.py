"""Outcomes and dead letters call a record alike, whichever of its keys a version carries."""

from __future__ import annotations

import typing as t

from erp_sandbox.testing import running_sandbox
from erp_vendors.http import codec
from tests.support.plugins import record, run_target, schema
from tests.tap_erp.running import run_tap

if t.TYPE_CHECKING:
    import pathlib

    from tests.tap_erp.running import Message

STREAM = "pentamic_customers"


def test_both_streams_have_the_key_of_the_ledger_and_the_id_that_was_seen(
    tmp_path: pathlib.Path,
) -> None:
    with running_sandbox(size=3, limits=False, options={"pentamic": {"put": "clear"}}) as sandbox:
        first, second = sandbox.rows("pentamic", "customers")[:2]
        target = {
            "pentamic": {
                "api_url": f"{sandbox.url}/pentamic/api",
                "token_url": f"{sandbox.url}/pentamic/connect/token",
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "scope": "pa-api",
            },
            "sinks": {STREAM: {"on_conflict": "refuse"}},
            "ledger": str(tmp_path / "ledger.sqlite"),
            "dead_letters": str(tmp_path / "dead"),
            "report_file": "none",
        }
        results = {"results": {"ledger": target["ledger"], "dead_letters": target["dead_letters"]}}

        def both(*rows: Message) -> tuple[dict[str, Message], dict[str, Message]]:
            """The rows of both streams by key, after a run."""
            messages = [schema(STREAM), *(record(STREAM, **row) for row in rows)]
            run_target(target, [codec.encode(message) for message in messages])
            found: dict[str, dict[str, Message]] = {"erp_outcomes": {}, "erp_dead_letters": {}}
            for message in run_tap(results).messages:
                if message["type"] == "RECORD" and message["stream"] in found:
                    found[message["stream"]][message["record"]["key"]] = message["record"]
            return found["erp_outcomes"], found["erp_dead_letters"]

        def row(held: Message, *names: str, phone: str) -> Message:
            return {**{n: held[n] for n in ("name", "taxCode", *names)}, "phone": phone}

        both(row(first, "id", phone=first["phone"]))
        sandbox.change("pentamic", "customers", first["id"], {"phone": "person"})
        outcomes, letters = both(row(first, phone="ours"), row(second, phone="ours"))
        keys = {f"id={first['id']}": first["id"], f"taxCode={second['taxCode']}": second["id"]}
        assert outcomes.keys() == letters.keys() == keys.keys()
        for key, vendor_id in keys.items():
            assert outcomes[key]["vendor_id"] == str(vendor_id)
            assert letters[key]["class"] == "conflict"
        # The next version carries the other key, and is the same record.
        outcomes, letters = both(
            row(first, "id", phone="person"), row(second, "id", phone=second["phone"])
        )
        assert {key: outcome["outcome"] for key, outcome in outcomes.items()} == dict.fromkeys(
            keys, "accepted"
        )
        assert letters == {}
