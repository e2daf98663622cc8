"""Tables of resources with settings over them."""

from __future__ import annotations

import typing as t

from erp_vendors.aimsio import AIMSIO
from erp_vendors.aimsio.resources import RESOURCES as AIMSIO_RESOURCES
from erp_vendors.aimsio.resources import custom as aimsio_custom
from erp_vendors.cimcloud import CIMCLOUD
from erp_vendors.cimcloud.resources import RESOURCES as CIMCLOUD_RESOURCES
from erp_vendors.cimcloud.resources import custom as cimcloud_custom
from erp_vendors.overrides import configured
from erp_vendors.pentamic.resources import RESOURCES as PENTAMIC_RESOURCES
from erp_vendors.pentamic.resources import custom as pentamic_custom
from erp_vendors.pentamic.settings import SETTINGS as PENTAMIC_SETTINGS
from erp_vendors.settings import Block
from tests.erp_vendors.openapi_files import Content, reply

VENDORS: dict[str, tuple[t.Any, ...]] = {
    "aimsio": (AIMSIO.settings, AIMSIO_RESOURCES, aimsio_custom),
    "cimcloud": (CIMCLOUD.settings, CIMCLOUD_RESOURCES, cimcloud_custom),
    "pentamic": (PENTAMIC_SETTINGS, PENTAMIC_RESOURCES, pentamic_custom),
}
PREFIX = "/rest/api/standard/v1"


def resources(vendor: str, *entries: Content, **block: t.Any) -> dict[str, t.Any]:
    settings, table, make = VENDORS[vendor]
    return configured(Block(vendor, settings, {"resources": list(entries), **block}), table, make)


ROW: Content = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "level": {"type": "number"},
        "last_modify_date": {"type": "string"},
    },
}


def listing(row: Content = ROW) -> Content:
    return reply({"type": "array", "items": row})
