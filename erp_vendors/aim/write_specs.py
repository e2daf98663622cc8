"""AIM's write operations by sink (aim.md 6 and 8.2)."""

from __future__ import annotations

from erp_vendors.aim.operations import AimWriteSpec, Operation
from erp_vendors.resource import Need


def _all(*names: str) -> tuple[Need, ...]:
    """Members of which each is required."""
    return tuple(Need((name,)) for name in names)


_CUSTOMER = frozenset(
    {
        *("LocationId", "CustomerDefaultId", "TaxAuthorityId", "Name", "Attn", "Address1"),
        *("Address2", "City", "State", "Zip", "Country", "HomePhone", "WorkPhone", "CellPhone"),
        *("Employer", "SS", "Email", "EmailMethod", "Notes", "DriversLicenseInfo"),
        "FormInputList",
    }
)
_CUSTOMER_QUERY = frozenset({"LocationId", "CustomerDefaultId", "TaxAuthorityId", "EmailMethod"})
_BOOKING = frozenset(
    [
        "AppointmentStart",
        "StudentName",
        "RefNumber",
        "CustomerAcct",
        "CustomerInfo",
        "FormInputList",
        "CcInfo",
        "Notes",
    ]
)
_BOOKING_QUERY = frozenset(
    {"AppointmentStart", "StudentName", "RefNumber", "CustomerAcct", "Notes"}
)

WRITE_SPECS: tuple[AimWriteSpec, ...] = (
    AimWriteSpec(
        name="customers",
        operations=(
            Operation(
                name="UpdateCustomer",
                query=_CUSTOMER_QUERY | {"Acct", "RefreshCustomerDefaults"},
                members=_CUSTOMER | {"Acct", "RefreshCustomerDefaults"},
                is_idempotent=True,
                when=("Acct",),
                makes=False,
            ),
            Operation(
                name="AddCustomer",
                query=_CUSTOMER_QUERY,
                members=_CUSTOMER | {"DuplicateCheckMode"},
                needs=_all("LocationId", "CustomerDefaultId", "TaxAuthorityId"),
                makes=True,
            ),
        ),
        keys=(("Acct",),),
        weak_keys=True,
        names={
            "Addr1": "Address1",
            "Addr2": "Address2",
            "St": "State",
            "Phone": "HomePhone",
            "AdditionalDetails.Notes": "Notes",
            "AdditionalDetails.CustomerDefault.Id": "CustomerDefaultId",
            "AdditionalDetails.TaxAuthority.Id": "TaxAuthorityId",
        },
        vendor_id="Acct",
    ),
    AimWriteSpec(
        name="customer_dependants",
        operations=(
            Operation(
                name="CustomerDependant",
                query=frozenset({"Acct", "Name"}),
                members=frozenset(
                    ["Acct", "Name", "OnlineId", "SchoolDistrict", "School", "AttributeInfo"]
                ),
                makes=True,
                customer="Acct",
            ),
        ),
        keys=(("Acct", "Name"),),
        read_only="Id",
    ),
    AimWriteSpec(
        name="shipping_addresses",
        operations=(
            Operation(
                name="AddShippingAddress",
                members=frozenset(
                    ["CustomerAccount", "CopyAddressFromAccount", "AddressName", "AddressInfo"]
                ),
                makes=True,
                answers="AddressId",
                customer="CustomerAccount",
            ),
        ),
        keys=(("CustomerAccount", "AddressName"),),
        weak_keys=True,
        names={
            "Acct": "CustomerAccount",
            "Name": "AddressName",
            **{
                name: f"AddressInfo.{name}"
                for name in [
                    "Attention",
                    "Address1",
                    "Address2",
                    "City",
                    "State",
                    "Zip",
                    "Country",
                    "Email",
                    "Notes",
                ]
            },
            "Phone": "AddressInfo.HomePhone",
            "Phone2": "AddressInfo.WorkPhone",
        },
        read_only="Id",
    ),
    AimWriteSpec(
        name="external_ids",
        operations=(
            Operation(
                name="LinkExternalId",
                query=frozenset({"Type"}),
                members=frozenset({"Id", "ExternalId", "Type", "OverrideExistingId"}),
                is_idempotent=True,
            ),
        ),
        keys=(("Type", "Id"),),
    ),
    AimWriteSpec(
        name="inventory",
        operations=(
            Operation(
                name="EditInventory",
                members=frozenset(
                    [
                        "SaqPk",
                        "SasPk",
                        "Description",
                        "OurPrice",
                        "RetailPrice",
                        "PriceA",
                        "PriceB",
                        "PriceC",
                        "MinPrice",
                        "Locator",
                        "UpdateAllLocations",
                        "Barcodes",
                        "NewComputerQuantity",
                    ]
                ),
                is_idempotent=True,
                replaces=("Barcodes",),
                makes=False,
            ),
        ),
        keys=(("SaqPk",), ("SasPk",)),
        names={
            "Details.Retail": "RetailPrice",
            **{
                f"Details.{name}": name
                for name in ("OurPrice", "PriceA", "PriceB", "PriceC", "MinPrice")
            },
        },
    ),
    AimWriteSpec(
        name="inventory_scans",
        operations=(
            Operation(
                name="ScanForImport",
                members=frozenset({"Description", "Items", "ReceiveInventoryMode", "AppendMode"}),
                makes=True,
            ),
        ),
    ),
    AimWriteSpec(
        name="inventory_images",
        operations=(
            Operation(
                name="InventoryImage",
                members=frozenset(
                    ["Item", "ItemPk", "ItemType", "NewImages", "UriImagePksToDelete"]
                ),
                needs=(Need(("Item", "ItemPk")),),
            ),
        ),
        read_only="UriPk",
    ),
    AimWriteSpec(
        name="web_orders",
        operations=(Operation(name="CustomerOrders", wrapper="Orders", makes=True),),
        keys=(("OrderNumber",),),
        names={"WebOrder": "OrderNumber", "DateTime": "OrderDate", "Items": "LineItems"},
    ),
    AimWriteSpec(
        name="web_order_picks",
        operations=(
            Operation(
                # Whether a quantity takes the place of the one before or adds to it is not
                # documented, so it is not executed twice.
                name="CustomerOrderFulfillment",
                members=frozenset({"WebOrder", "Items"}),
                needs=_all("WebOrder", "Items"),
                makes=False,
            ),
        ),
        keys=(("WebOrder",),),
    ),
    AimWriteSpec(
        name="delivery_tickets",
        operations=(
            Operation(
                name="DeliveryTickets",
                members=frozenset(
                    [
                        "RefNumber",
                        "Delivered",
                        "Images",
                        "Base64Signature",
                        "ImagesToDelete",
                        "Notes",
                        "Longitude",
                        "Latitude",
                    ]
                ),
                wrapper="DeliveryTickets",
                # Images are added, so only a ticket without any may be sent twice.
                without=("Images",),
                is_idempotent=True,
                makes=False,
            ),
            Operation(name="DeliveryTickets", wrapper="DeliveryTickets", makes=False),
        ),
        keys=(("RefNumber",),),
    ),
    AimWriteSpec(
        name="scheduled_returns",
        operations=(
            Operation(
                name="ContractScheduledReturns",
                members=frozenset(
                    [
                        "Acct",
                        "Sub",
                        "OptionId",
                        "ReturnDate",
                        "ReturnNotes",
                        "AutoPayHoldDate",
                        "StatusId",
                    ]
                ),
                when=("ReturnDate",),
                needs=_all("Acct", "Sub"),
                makes=True,
                answers="RefNumber",
            ),
            Operation(
                name="ContractScheduledReturns",
                method="PUT",
                members=frozenset({"Acct", "Sub"}),
                wrapper="Contracts",
                is_idempotent=True,
                needs=_all("Acct", "Sub"),
                makes=False,
            ),
        ),
        keys=(("Acct", "Sub", "ReturnDate"), ("Acct", "Sub")),
        names={"ScheduledReturnDate": "ReturnDate"},
    ),
    AimWriteSpec(
        name="contracts",
        operations=(
            Operation(
                name="C2BSetContractCustomer",
                members=frozenset({"WebRef", "Acct"}),
                is_idempotent=True,
                when=("WebRef", "Acct"),
                makes=False,
            ),
            Operation(
                name="C2BPostContract",
                makes=True,
                answers="WebRef",
                payment="PaymentRequired",
                customer="CusAcct",
                unless=("CustomerInfo", "Acct"),
            ),
        ),
        keys=(("WebRef",),),
        vendor_id="WebRef",
    ),
    AimWriteSpec(
        name="service_tickets",
        operations=(
            Operation(
                name="PostServiceTicket",
                query=frozenset(
                    {"RefNumber", "SerialNumber", "CustomerAcct", "Notes", "ItemDescription"}
                ),
                members=frozenset(
                    [
                        "RefNumber",
                        "SerialNumber",
                        "CustomerAcct",
                        "CustomerInfo",
                        "FormInputList",
                        "CcInfo",
                        "Notes",
                        "VoiceRecording",
                        "ItemDescription",
                    ]
                ),
                makes=True,
                answers="WebRef",
                customer="CustomerAcct",
                unless=("CustomerInfo",),
            ),
        ),
        keys=(("RefNumber",),),
        names={"SoldToCustomerAcct": "CustomerAcct"},
    ),
    AimWriteSpec(
        name="lessons",
        operations=(
            Operation(
                name="PostSchedulingPrivate",
                query=_BOOKING_QUERY | {"TypeId", "InstructorId", "LocationId"},
                members=_BOOKING | {"TypeId", "InstructorId", "LocationId"},
                when=("TypeId",),
                needs=_all("InstructorId", "LocationId", "AppointmentStart"),
                makes=True,
                customer="CustomerAcct",
                unless=("CustomerInfo",),
            ),
            Operation(
                name="PostSchedulingGroup",
                query=_BOOKING_QUERY | {"ClassId"},
                members=_BOOKING | {"ClassId"},
                needs=_all("ClassId"),
                makes=True,
                customer="CustomerAcct",
                unless=("CustomerInfo",),
            ),
        ),
        keys=(("RefNumber",),),
    ),
    AimWriteSpec(
        name="ap_invoices",
        operations=(
            Operation(
                name="ApInvoice", members=frozenset({"VendorId", "Invoices", "ASNs"}), makes=True
            ),
        ),
    ),
    AimWriteSpec(
        name="time_clock",
        operations=(
            Operation(
                name="TimeClock",
                members=frozenset(["LocationId", "ClockIn", "ClockOut", "Notes", "Override"]),
                needs=(Need(("ClockIn", "ClockOut")),),
                makes=True,
            ),
        ),
    ),
)
"""The sinks. Left out: payments, cards, gift cards, passwords, registrations, and operations that
the vendor calls in development (6)."""
SINK_NAMES = frozenset(sink.name for sink in WRITE_SPECS)


def custom(name: str, write_path: str, keys: tuple[str, ...]) -> AimWriteSpec:
    """A sink from the settings or an OpenAPI file: each record is the body of one POST.

    Args:
        name: Sink, without the vendor.
        write_path: The operation, perhaps with `/api` before it.
        keys: Members that identify a record together.
    """
    operation = Operation(name=write_path.strip("/").removeprefix("api/"))
    return AimWriteSpec(name=name, operations=(operation,), keys=(keys,) if keys else ())
