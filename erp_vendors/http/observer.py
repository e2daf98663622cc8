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

    def answered(self, call: Call, response: requests.Response, seconds: float) -> None:
        """Called with the whole answer to an attempt, whatever its status.

        Args:
            call: The call.
            response: The answer.
            seconds: From the moment of sending until the whole answer was there.
        """

    def broken(self, call: Call, seconds: float) -> None:
        """Called after an attempt without a whole answer.

        Args:
            call: The call.
            seconds: From the moment of sending until that was known; 0 if it was not sent.
        """
