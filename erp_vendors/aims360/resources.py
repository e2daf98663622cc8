"""AIMS360's REST and OData resources (aims360.md 7.1 and 8): paths, keys, children."""

from __future__ import annotations

import dataclasses

from erp_vendors.resource import Resource

MODIFIED = "lastModifiedOn"
"""Observed on purchase orders, assumed for the rest (aims360.md 4.3)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aims360Resource(Resource):
    """An AIMS360 resource: an OData list.

    Attributes:
        expand: Children to ask for, as `$expand` takes them.
        spare_keys: Properties that identify a record where it has none of the primary keys, whose
            names are partly guesses; best one first.
        single_path: Path of one record, its key left out; read one by one where the site does not
            have the list, which is a guess then.
        keys_from: Resource and property that tell the keys of such single records.
    """

    expand: str = ""
    spare_keys: tuple[str, ...] = ()
    single_path: str = ""
    keys_from: tuple[str, str] = ("", "")


RESOURCES: tuple[Aims360Resource, ...] = (
    Aims360Resource(
        name="orders",
        path="/orders/v1.0/orders",
        documented=True,
        primary_keys=("order",),
        spare_keys=("orderID",),
        replication_key=MODIFIED,
        expand="lineItems($expand=allocations)",
        write_path="/orders/v1.0/order",
    ),
    Aims360Resource(
        name="style_colors",
        path="/StyleColors/v1.1/StyleColors",
        documented=True,
        primary_keys=("styleColorID",),
        replication_key=MODIFIED,
        expand="sizes",
    ),
    Aims360Resource(
        name="styles",
        path="/styles/v1.0/styles",
        primary_keys=("styleID",),
        replication_key=MODIFIED,
        single_path="/styles/V1.0/style",
        keys_from=("style_colors", "styleID"),
    ),
    Aims360Resource(
        name="customers",
        path="/customers/v1.0/customers",
        documented=True,
        primary_keys=("customerID",),
        spare_keys=("customerAccount",),
        replication_key=MODIFIED,
    ),
    Aims360Resource(
        name="warehouses",
        path="/warehouses/v1.0/warehouses",
        documented=True,
        primary_keys=("warehouseID",),
        spare_keys=("warehouseName",),
    ),
    Aims360Resource(
        name="currencies",
        path="/codes/v1.0/currencies",
        documented=True,
        primary_keys=("currencyID",),
    ),
    Aims360Resource(
        name="purchase_orders",
        path="/wip/v1.0/PurchaseOrders",
        documented=True,
        primary_keys=("purchaseOrderID",),
        # None of these names is public (8.8, INF).
        spare_keys=(
            "poID",
            "purchaseOrderGUID",
            "poNumber",
            "purchaseOrderNumber",
            "purchaseOrderNo",
            "purchaseOrder",
        ),
        replication_key=MODIFIED,
        expand="stylePOLines",
    ),
    Aims360Resource(
        name="background_jobs",
        path="/jobsmanagement/odata/v1.0/backgroundjob",
        documented=True,
        primary_keys=("jobID",),
        replication_key="modifiedDate",
    ),
    Aims360Resource(
        name="documents",
        path="/documentmanagement/odata/v1.0/aimsdocument",
        documented=True,
        primary_keys=("documentGUID",),
        replication_key="lastUploaded",
    ),
)


def custom(name: str, path: str) -> Aims360Resource:
    """A custom resource from the settings: an OData list.

    Args:
        name: Resource name.
        path: Path after the host; may end in query options of its own, such as `?$expand=sizes`.
    """
    return Aims360Resource(name=name, path=f"/{path.strip('/')}" if path else "")
