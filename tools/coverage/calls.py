"""How a vendor's client turns a table entry into calls."""

from __future__ import annotations

import importlib
import importlib.util
import typing as t


class VendorCalls:
    """The usual way: a GET at the path, a POST at the write path.

    Resources and writers are of each vendor's own class, so they are not typed here.
    """

    sinks: tuple[str, ...] = ()
    """Names of sinks that the table of resources lacks."""

    def reads(self, resource: t.Any) -> t.Iterator[str]:  # noqa: ANN401
        """Methods and paths by which a resource is read."""
        yield from (f"GET {path}" for path in resource.paths)

    def writes(self, writer: t.Any) -> t.Iterator[str]:  # noqa: ANN401
        """Methods and paths by which a sink writes and looks for records."""
        yield f"POST {writer.resource.write_path}"

    def keys(self, writer: t.Any) -> t.Iterable[t.Iterable[str]]:  # noqa: ANN401
        """What a record is found by: alternatives, each of one or more properties."""
        return ([key] for key in writer.keys)

    def is_documented(self, writer: t.Any) -> bool:  # noqa: ANN401
        """Whether the vendor's documents name the path that a sink writes to."""
        return bool(writer.resource.documented)


def calls_of(vendor: str) -> VendorCalls:
    """How a vendor's calls are made: as `vendors/<vendor>.py` says, or the usual way."""
    name = f"tools.coverage.vendors.{vendor}"
    if importlib.util.find_spec(name) is None:
        return VendorCalls()
    return t.cast("VendorCalls", importlib.import_module(name).CALLS)
