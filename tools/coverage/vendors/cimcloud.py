"""CIMcloud: POST and PUT, at the path of reading unless there is another one."""

from __future__ import annotations

import typing as t

from tools.coverage.calls import VendorCalls

if t.TYPE_CHECKING:
    from target_erp.writers.cimcloud import CimcloudWriter


class CimcloudCalls(VendorCalls):
    """Both methods, except for the function that takes whole orders."""

    def writes(self, writer: CimcloudWriter) -> t.Iterator[str]:
        """POST, or POST and PUT, at each path that may be the right one."""
        resource = writer.resource
        methods = ("POST",) if resource.special else ("POST", "PUT")
        for path in (resource.write_path,) if resource.write_path else resource.paths:
            yield from (f"{method} {path}" for method in methods)


CALLS = CimcloudCalls()
