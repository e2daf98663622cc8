"""AIMS360: some lists are also read one record at a time."""

from __future__ import annotations

import typing as t

from tools.coverage.calls import VendorCalls

if t.TYPE_CHECKING:
    from erp_vendors.aims360 import Aims360Resource


class Aims360Calls(VendorCalls):
    """A list, and the GET of one record where there is one."""

    def reads(self, resource: Aims360Resource) -> t.Iterator[str]:
        """The list, and one record of it."""
        yield f"GET {resource.path}"
        if resource.single_path:
            yield f"GET {resource.single_path}/{{}}"


CALLS = Aims360Calls()
