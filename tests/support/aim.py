"""The sandbox's AIM shop, as a vendor block names it."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox


def shop_block(sandbox: RunningSandbox, **more: t.Any) -> dict[str, t.Any]:
    """The block `aim` that leads to a sandbox, with further settings."""
    return {
        "api_url": f"{sandbox.url}/aim/api",
        "api_key": "sandbox-key",
        "app_id": "sandbox-app",
        "username": "sandbox-user",
        "password": "sandbox-password",
        "requests_per_second": 5000,
        **more,
    }
