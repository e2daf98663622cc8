"""The resources: paths, keys and columns (7.1, 8)."""

from __future__ import annotations

from dataclasses import dataclass, field

from erp_sandbox.store import TableShape

STAMP = "lastModifiedOn"


@dataclass(frozen=True)
class SandboxAims360Resource:
    """One resource.

    Attributes:
        name: Name as in the stream name.
        path: Path of its list, in lower case.
        key: Primary key column.
        columns: See :data:`erp_sandbox.aims360.odata.Columns`.
        entity_set: Name in ``@odata.context``.
        stamp: Change stamp, or None.
        business: Business key that duplicates are counted by.
        single: Path of one record before its key, in lower case, and the column it is found by.
        aliases: Other names of a column in a filter.
    """

    name: str
    path: str
    key: str
    columns: dict[str, object]
    entity_set: str
    stamp: str | None = STAMP
    business: str | None = None
    single: tuple[str, str] | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    def shape(self) -> TableShape:
        """Return how the resource is kept."""
        business = ((self.business,),) if self.business else ()
        column = self.single[1] if self.single else self.key
        lookups = () if column == self.key else (column,)
        return TableShape(self.name, self.key, business, self.stamp, lookups, (self.entity_set,))


def _columns(text: str, **more: object) -> dict[str, object]:
    pairs = (word.partition(":") for word in text.split())
    return {**{name: kind or "text" for name, _, kind in pairs}, **more}


LINE = _columns(
    "lineItemID:guid styleColorID:guid warehouseID:guid commissionPercentage:number price:number "
    "lineItemDiscountPercentage:number lineItemDiscountReasonID:guid lineNote prepack:object "
    "sizes:object",
    allocations=_columns("wipReference quantity:number"),
)

RESOURCES = (
    # Read names mirror the create body (INF, 8.5).
    SandboxAims360Resource(
        "orders", "orders/v1.0/orders", "orderID",
        _columns(
            "orderID:guid order customerAccount customerID:guid divisionID:guid seasonID:guid "
            "termID:guid shipviaID:guid thirdPartyOrderID dropShipOrder:bool "
            "orderStatusReasonID:guid status specialInstructionID:guid userCodeID:guid vendor "
            "packingRuleType freightCollect:bool cod:bool customerPurchaseOrder buyer phone fax "
            "email note1 note2 notes entered:date start:date complete:date priority:number "
            "department residentialAddress:bool shipCompleteOnly:bool shippingInstructions "
            "packingNotes valueAddedServiceNotes factor:object billTo:object store:object "
            "discounts:object salesRepCommissions:object lastModifiedOn:moment",
            lineItems=LINE,
        ),
        "Orders", business="thirdPartyOrderID",
    ),
    # 8.3
    SandboxAims360Resource(
        "style_colors", "stylecolors/v1.1/stylecolors", "styleColorID",
        _columns(
            "styleColorID:guid styleID:guid style color description colorDescription bodyCode "
            "bodyDescription brandName originCountryName wholesalePrice:number "
            "lastModifiedOn:moment",
            sizes=_columns("sizeName upc"),
        ),
        "StyleColors",
    ),
    # 8.4; the list's path follows the naming rule only (INF, 7.3).
    SandboxAims360Resource(
        "styles", "styles/v1.0/styles", "styleID",
        _columns("styleID:guid style description fabricContent lastModifiedOn:moment"),
        "Styles", single=("styles/v1.0/style", "styleID"),
    ),
    # 8.6
    SandboxAims360Resource(
        "customers", "customers/v1.0/customers", "customerID",
        _columns(
            "customerID:guid customerAccount customerName city active:bool creditLimit:number "
            "lastModifiedOn:moment"
        ),
        "Customers", business="customerAccount",
    ),
    # 8.7; no stamp is seen.
    SandboxAims360Resource(
        "warehouses", "warehouses/v1.0/warehouses", "warehouseID",
        _columns("warehouseID:guid warehouseName state"), "Warehouses", stamp=None,
    ),
    # 8.2; the sample is a whole record and has no stamp.
    SandboxAims360Resource(
        "currencies", "codes/v1.0/currencies", "currencyID",
        _columns("currencyID:guid currencyCode currencyName currencySymbol currencyEnabled:bool"),
        "Currencies", stamp=None,
    ),
    # 8.8
    SandboxAims360Resource(
        "purchase_orders", "wip/v1.0/purchaseorders", "purchaseOrderID",
        _columns(
            "purchaseOrderID:guid purchaseOrderNo type vendor status lastModifiedOn:moment",
            stylePOLines=_columns("styleColorID:guid style color orderQty:number price:number"),
        ),
        "PurchaseOrders", single=("wip/v1.0/purchaseorder", "purchaseOrderNo"),
    ),
    # 10.1
    SandboxAims360Resource(
        "background_jobs", "jobsmanagement/odata/v1.0/backgroundjob", "jobID",
        _columns(
            "@odata.etag jobID categoryName subCategoryName jobDescription clientID:guid "
            "DatabaseName accountCode clientRequestId jobStatus jobStatusText "
            "percentCompleted:number responseType publishLink publishLinkAccessScope response "
            "requestURL startDate:moment completedDate:moment purgeDateTime:moment canReRun "
            "createdBy createdDate:moment modifiedBy modifiedDate:moment"
        ),
        "BackgroundJob", stamp="modifiedDate",
        single=("jobsmanagement/v1.0/backgroundjob", "jobID"),
    ),
    # 8.1; the filter sample names the key GUID.
    SandboxAims360Resource(
        "documents", "documentmanagement/odata/v1.0/aimsdocument", "documentGUID",
        _columns(
            "documentGUID:guid accessScope documentName fileType category aimsReference User title "
            "description downloadUri fileSize:number fileSizeInMB:number lastUploaded:moment"
        ),
        "AimsDocument", stamp="lastUploaded", aliases={"GUID": "documentGUID"},
    ),
)  # fmt: skip
