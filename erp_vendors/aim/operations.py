"""AIM's write operations (aim.md 6 and 8.2): one action each, no upsert."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One write operation.

    Attributes:
        name: Operation, as in `AddCustomer`.
        method: HTTP method.
        query: Members that the documents put into the URL; the others go into the body.
        members: All members that it takes; empty where the vendor's page is cut and more exist.
        wrapper: Member that holds the record as the one item of a list; empty if it is the body.
        repeats: Executing it twice is the same as once.
        when: Members that choose this operation among those of a sink: all of them must be there.
        without: Members that rule it out.
        replaces: Members that replace a whole list at the vendor, which the log says once.
    """

    name: str
    method: str = "POST"
    query: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    wrapper: str = ""
    repeats: bool = False
    when: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AimSink:
    """How records of one sink are written.

    Attributes:
        name: Sink, without the vendor.
        operations: The first one that fits a record is used.
        keys: Members that identify a record together; several tuples are alternatives.
        names: What a member is called when it is read, and when it is written; a dot leads into an
            object on either side.
        read_only: Member that only a record of the vendor's has, where there is no operation to
            change such a record.
        vendor_id: Member that an update takes the vendor's id in, and a creation may answer with.
        look_up: Resource that tells whether a record exists; empty if there is none.
    """

    name: str
    operations: tuple[Operation, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    names: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    read_only: str = ""
    vendor_id: str = ""
    look_up: str = ""


_CUSTOMER = frozenset(
    [
        "LocationId",
        "CustomerDefaultId",
        "TaxAuthorityId",
        "Name",
        "Attn",
        "Address1",
        "Address2",
        "City",
        "State",
        "Zip",
        "Country",
        "HomePhone",
        "WorkPhone",
        "CellPhone",
        "Employer",
        "SS",
        "Email",
        "EmailMethod",
        "Notes",
        "DriversLicenseInfo",
        "FormInputList",
    ]
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

SINKS: tuple[AimSink, ...] = (
    AimSink(
        name="customers",
        operations=(
            Operation(
                name="UpdateCustomer",
                query=_CUSTOMER_QUERY | {"Acct", "RefreshCustomerDefaults"},
                members=_CUSTOMER | {"Acct", "RefreshCustomerDefaults"},
                repeats=True,
                when=("Acct",),
            ),
            Operation(
                name="AddCustomer",
                query=_CUSTOMER_QUERY,
                members=_CUSTOMER | {"DuplicateCheckMode"},
            ),
        ),
        keys=(("Acct",),),
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
    AimSink(
        name="customer_dependants",
        operations=(
            Operation(
                name="CustomerDependant",
                query=frozenset({"Acct", "Name"}),
                members=frozenset(
                    ["Acct", "Name", "OnlineId", "SchoolDistrict", "School", "AttributeInfo"]
                ),
            ),
        ),
        keys=(("Acct", "Name"),),
        read_only="Id",
    ),
    AimSink(
        name="shipping_addresses",
        operations=(
            Operation(
                name="AddShippingAddress",
                members=frozenset(
                    ["CustomerAccount", "CopyAddressFromAccount", "AddressName", "AddressInfo"]
                ),
            ),
        ),
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
    AimSink(
        name="external_ids",
        operations=(
            Operation(
                name="LinkExternalId",
                query=frozenset({"Type"}),
                members=frozenset({"Id", "ExternalId", "Type", "OverrideExistingId"}),
                repeats=True,
            ),
        ),
        keys=(("Type", "Id"),),
    ),
    AimSink(
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
                repeats=True,
                replaces=("Barcodes",),
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
    AimSink(
        name="inventory_scans",
        operations=(
            Operation(
                name="ScanForImport",
                members=frozenset({"Description", "Items", "ReceiveInventoryMode", "AppendMode"}),
            ),
        ),
    ),
    AimSink(
        name="inventory_images",
        operations=(
            Operation(
                name="InventoryImage",
                members=frozenset(
                    ["Item", "ItemPk", "ItemType", "NewImages", "UriImagePksToDelete"]
                ),
            ),
        ),
        read_only="UriPk",
    ),
    AimSink(
        name="web_orders",
        operations=(Operation(name="CustomerOrders", wrapper="Orders"),),
        keys=(("OrderNumber",),),
        names={"WebOrder": "OrderNumber", "DateTime": "OrderDate", "Items": "LineItems"},
        look_up="web_order_status",
    ),
    AimSink(
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
                repeats=True,
            ),
            Operation(name="DeliveryTickets", wrapper="DeliveryTickets"),
        ),
        keys=(("RefNumber",),),
    ),
    AimSink(
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
            ),
            Operation(
                name="ContractScheduledReturns",
                method="PUT",
                members=frozenset({"Acct", "Sub"}),
                wrapper="Contracts",
                repeats=True,
            ),
        ),
        keys=(("Acct", "Sub", "ReturnDate"), ("Acct", "Sub")),
        names={"ScheduledReturnDate": "ReturnDate"},
    ),
    AimSink(
        name="contracts",
        operations=(
            Operation(
                name="C2BSetContractCustomer",
                members=frozenset({"WebRef", "Acct"}),
                repeats=True,
                when=("WebRef", "Acct"),
            ),
            Operation(name="C2BPostContract"),
        ),
        keys=(("WebRef",),),
    ),
    AimSink(
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
            ),
        ),
        keys=(("RefNumber",),),
        names={"SoldToCustomerAcct": "CustomerAcct"},
    ),
    AimSink(
        name="lessons",
        operations=(
            Operation(
                name="PostSchedulingPrivate",
                query=_BOOKING_QUERY | {"TypeId", "InstructorId", "LocationId"},
                members=_BOOKING | {"TypeId", "InstructorId", "LocationId"},
                when=("TypeId",),
            ),
            Operation(
                name="PostSchedulingGroup",
                query=_BOOKING_QUERY | {"ClassId"},
                members=_BOOKING | {"ClassId"},
            ),
        ),
        keys=(("RefNumber",),),
    ),
    AimSink(
        name="ap_invoices",
        operations=(
            Operation(name="ApInvoice", members=frozenset({"VendorId", "Invoices", "ASNs"})),
        ),
    ),
    AimSink(
        name="time_clock",
        operations=(
            Operation(
                name="TimeClock",
                members=frozenset(["LocationId", "ClockIn", "ClockOut", "Notes", "Override"]),
            ),
        ),
    ),
)
"""The sinks. Left out: payments, cards, gift cards, passwords, registrations, and operations that
the vendor calls in development (6)."""
