"""Looks at all calls of a transport, and may refuse them."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    import requests

    from erp_vendors.http.call import Call


class Observer(t.Protocol):
    """Is told of each attempt; called from many threads."""

    def sending(self, call: Call) -> None:
        """Called before an attempt is sent; what it raises ends the call, and nothing is sent."""

    def answered(self, call: Call, response: requests.Response) -> None:
        """Called with the whole answer to an attempt, whatever its status."""
