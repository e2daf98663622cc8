"""A record for each write operation of AIM, and the sinks that take them."""

from __future__ import annotations

import typing as t

Record = dict[str, t.Any]

ADD = {"Name": "Ann Lee", "LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}
CUSTOM = {"name": "clockings", "write_path": "/api/TimeClock", "primary_keys": ["Notes"]}
"""An entry of `aim.resources`."""

RECORDS: dict[str, tuple[str, str, Record]] = {
    "AddCustomer": ("customers", "AddCustomer", {**ADD, "Email": "ann@example.com"}),
    "AddCustomer with CHECK": (
        "customers",
        "AddCustomer",
        {**ADD, "Email": "ann@example.com", "DuplicateCheckMode": "CHECK"},
    ),
    "UpdateCustomer": ("customers", "UpdateCustomer", {"Acct": 7, "City": "Austin"}),
    "CustomerDependant": ("customer_dependants", "CustomerDependant", {"Acct": 7, "Name": "Kid"}),
    "AddShippingAddress": (
        "shipping_addresses",
        "AddShippingAddress",
        {"CustomerAccount": 7, "AddressName": "Home", "AddressInfo": {"City": "Austin"}},
    ),
    "LinkExternalId": ("external_ids", "LinkExternalId", {"Type": "Student", "Id": "1"}),
    "EditInventory": ("inventory", "EditInventory", {"SaqPk": 1, "OurPrice": 2}),
    "ScanForImport": ("inventory_scans", "ScanForImport", {"Items": [{"Sku": "A"}]}),
    "InventoryImage": (
        "inventory_images",
        "InventoryImage",
        {"ItemPk": 1, "NewImages": [{"FileName": "a.png", "Base64Image": "aGVsbG8="}]},
    ),
    "CustomerOrders": ("web_orders", "CustomerOrders", {"OrderNumber": "W-1", "LineItems": []}),
    "CustomerOrderFulfillment": (
        "web_order_picks",
        "CustomerOrderFulfillment",
        {"WebOrder": "W-1", "Items": [{"Id": 1, "QuantityPicked": 2}]},
    ),
    "DeliveryTickets": (
        "delivery_tickets",
        "DeliveryTickets",
        {"RefNumber": "D-1", "Images": [{"Data": "aGVsbG8=", "FileName": "a"}]},
    ),
    "DeliveryTickets without images": (
        "delivery_tickets",
        "DeliveryTickets",
        {"RefNumber": "D-1", "Delivered": True},
    ),
    "ContractScheduledReturns": (
        "scheduled_returns",
        "ContractScheduledReturns",
        {"Acct": 7, "Sub": 1, "ReturnDate": "2031-03-04T10:30:00"},
    ),
    "ContractScheduledReturns PUT": (
        "scheduled_returns",
        "ContractScheduledReturns",
        {"Acct": 7, "Sub": 1},
    ),
    "C2BPostContract": (
        "contracts",
        "C2BPostContract",
        {"WebRef": "C-1", "InstrumentId": 1, "RateId": 1, "CusAcct": 7},
    ),
    "C2BSetContractCustomer": (
        "contracts",
        "C2BSetContractCustomer",
        {"WebRef": "C-1", "Acct": 7},
    ),
    "PostServiceTicket": (
        "service_tickets",
        "PostServiceTicket",
        {"RefNumber": "S-1", "CustomerAcct": 7, "ItemDescription": "Cello", "Notes": "bow"},
    ),
    "PostSchedulingPrivate": (
        "lessons",
        "PostSchedulingPrivate",
        {
            "RefNumber": "L-1",
            "TypeId": 1,
            "InstructorId": 1,
            "LocationId": 1,
            "AppointmentStart": "2031-03-04T10:30:00",
            "StudentName": "Ann",
        },
    ),
    "PostSchedulingGroup": (
        "lessons",
        "PostSchedulingGroup",
        {"RefNumber": "L-1", "ClassId": "7", "StudentName": "Ann"},
    ),
    "ApInvoice": ("ap_invoices", "ApInvoice", {"VendorId": "V", "Invoices": [{"Data": "x"}]}),
    "TimeClock": ("time_clock", "TimeClock", {"ClockIn": True}),
    "custom": ("clockings", "TimeClock", {"Notes": "n-1", "ClockIn": True}),
}
"""By a name of its own: sink, operation, record."""
