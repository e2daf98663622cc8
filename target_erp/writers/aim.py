"""AIM's sinks: which writer a name has, and what is special about customers."""

from __future__ import annotations

import typing as t

from erp_vendors.aim.write_specs import WRITE_SPECS, custom
from target_erp.delivery.policy import ALL_ABILITIES
from target_erp.writers.aim_alike import is_given
from target_erp.writers.aim_present import AimCustomers
from target_erp.writers.aim_writer import AimWriter

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.operations import AimWriteSpec
    from target_erp.delivery import RefusedError, Write, Writer
    from target_erp.delivery.model import Body, LookUpResult

FURTHER_SINKS = tuple(sink.name for sink in WRITE_SPECS)
"""Sinks that are no resources: what is written has names of its own."""
_ACCT = "Acct"


class AimCustomerWriter(AimWriter):
    """Writes customers, of which AIM lists what it has."""

    abilities = ALL_ABILITIES
    # Whether UpdateCustomer keeps what it does not name is not known (6, UNK).
    replaces = True

    def __init__(self, client: AimClient, sink: AimWriteSpec, keys: t.Sequence[str]) -> None:
        super().__init__(client, sink, keys)
        self._people = AimCustomers(client, sink)

    def send(self, writes: list[Write]) -> None:
        """Write a customer; see `Writer.send`."""
        super().send(writes)
        for write in writes:
            self._people.note_written(write.vendor_id, write.body)

    def currents(
        self,
        writes: t.Sequence[Write],
        *,
        contents: bool,  # noqa: ARG002
    ) -> list[LookUpResult | RefusedError]:
        """See `Writer.currents`: one listing a run, which is kept."""
        match_on = self.policy.match_on
        return [
            self._people.look(write.body if match_on else self.members_of(write), match_on)
            for write in writes
        ]

    def cannot_match(self, names: t.Sequence[str]) -> str:
        """See `Writer.cannot_match`."""
        unknown = [name for name in names if not self._people.shows(name)]
        return f"the list of customers does not show {', '.join(unknown)}" if unknown else ""

    def shows(self, row: Body, name: str) -> bool:
        """See `Writer.shows`: AIM leaves nulls out (3.1, INF)."""
        return name in row or self._people.shows(name)

    def anchor(self, row: Body) -> Body:
        """See `Writer.anchor`."""
        return {_ACCT: row[_ACCT]} if is_given(row.get(_ACCT)) else {}

    def carried(self, row: Body) -> Body:
        """See `Writer.carried`."""
        (update, *_) = self.sink.operations
        return {name: v for name, v in row.items() if name in update.members and is_given(v)}


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of an AIM sink.

    Args:
        plugin: The target, with an `aim` block.
        name: Sink without the vendor.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such sink.
    """
    client: AimClient = plugin.client("aim")
    sink = next((sink for sink in WRITE_SPECS if sink.name == name), None)
    if sink is not None:
        is_customer = sink.vendor_id == _ACCT
        return (AimCustomerWriter if is_customer else AimWriter)(client, sink, keys)
    resource = client.resources.get(name)
    if resource is None or not resource.write_path:
        return None
    made = custom(name, resource.write_path, resource.primary_keys)
    return AimWriter(client, made, keys, resource.write_schema or resource.schema)
