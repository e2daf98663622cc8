"""AIM: sinks have a table of their own, and may make several calls."""

from __future__ import annotations

import typing as t

from erp_vendors.aim.write_specs import WRITE_SPECS
from target_erp.writers.aim_lookups import look_up_of
from tools.coverage.calls import VendorCalls

if t.TYPE_CHECKING:
    from erp_vendors.aim import AimResource
    from target_erp.writers.aim_writer import AimWriter


class AimCalls(VendorCalls):
    """GETs of the table; the operations of a sink, and the GETs that look for its records."""

    sinks = tuple(spec.name for spec in WRITE_SPECS)

    def reads(self, resource: AimResource) -> t.Iterator[str]:
        """A GET below `/api`."""
        yield f"GET /api/{resource.path}"

    def writes(self, writer: AimWriter) -> t.Iterator[str]:
        """Each of the sink's operations, and what looks for its records."""
        operations = writer.sink.operations
        yield from (f"{action.method} /api/{action.name}" for action in operations)
        for look_up in filter(None, map(look_up_of, operations)):
            yield f"GET /api/{look_up.read}"

    def keys(self, writer: AimWriter) -> t.Iterable[t.Iterable[str]]:
        """The keys of the sink's own table, of which some have several parts."""
        return writer.sink.keys

    def is_documented(self, writer: AimWriter) -> bool:  # noqa: ARG002
        """The sinks' table holds documented operations only."""
        return True


CALLS = AimCalls()
