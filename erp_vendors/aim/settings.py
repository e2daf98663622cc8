"""The `aim` block."""

from __future__ import annotations

from erp_vendors.settings import Setting, connection_settings, null_values, object_schema
from erp_vendors.vendor import CustomSink, Vendor, client_in

VENDOR = "aim"

MODES = ("ADD_CUSTOMER_CARD", "ADD_CONTRACT_CARD", "ADD_STUDENT_CARD", "UPDATE_CARD")
"""What a customer's access token can be for (aim.md 8.1, CustomerAccessToken, DOC)."""

INSTRUMENT_PARTS = {
    "out_of_stock_items": "IncludeOutOfStockItems",
    "accessory_options": "IncludeAccessoryOptions",
    "delivery_options": "IncludeDeliveryOptions",
    "maintenance_options": "IncludeMaintenanceOptions",
}
"""Request members by what they add to the instruments (aim.md 8.1, C2BGetInstrumentInfo, DOC)."""
TODAY = "today"
"""Stands for the day on which a run begins."""

_ACCESS_TOKENS = (
    Setting(
        "accounts",
        "array",
        "Accounts",
        "Account numbers.",
        schema={"items": {"type": "integer"}, "minItems": 1},
    ),
    Setting("mode", "string", "Mode", "What the token is for.", options=MODES),
    Setting("item_key", "integer", "Item key", "Key of what the mode is about."),
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "api_url",
        "string",
        "API address",
        "Central host, which tells the address of the shop's own server.",
        "https://active-ewebservice.biz/aeservices30/api",
    ),
    Setting("api_key", "string", "API key", "Issued by Tri-Tech.", secret=True),
    Setting("app_id", "string", "App id", "Name of this integration, as Tri-Tech knows it."),
    Setting(
        "username",
        "string",
        "User name",
        "An employee id; the login of a customer sees one account only.",
    ),
    Setting("password", "string", "Password", "That login's password.", secret=True),
    Setting(
        "format",
        "string",
        "Format",
        "What the server is asked to answer in; the records are the same.",
        "json",
        options=("json", "xml"),
    ),
    Setting(
        "remaining_records",
        "string",
        "Remaining records",
        "What AIM says of the rows after a page: believe it (trust), or read on until a page has "
        "no new row (ignore), for a server that always says 0.",
        "trust",
        options=("trust", "ignore"),
    ),
    Setting(
        "customer_access_tokens",
        "object",
        "Customer access tokens",
        "Offer aim_customer_access_tokens: a token for each of these accounts. The tokens are "
        "secrets, and stand in the records.",
        schema={
            key: value
            for key, value in object_schema(_ACCESS_TOKENS, required=["accounts"]).items()
            if key != "type"
        },
    ),
    Setting(
        "rental_instruments_include",
        "array",
        "Rental instruments: include",
        "What aim_rental_instruments has besides the instruments in stock: "
        f"{', '.join(INSTRUMENT_PARTS)}.",
        schema={"items": {"type": "string", "enum": list(INSTRUMENT_PARTS)}},
    ),
    Setting(
        "contracts_calculations_date",
        "string",
        "Contracts: calculations date",
        f"Day (YYYY-MM-DD, or {TODAY}) for which AIM adds calculated fields to aim_contracts; "
        "those of a contract that has not changed are not read again unless the stream is "
        "FULL_TABLE.",
        schema={"pattern": rf"^({TODAY}|\d{{4}}-\d{{2}}-\d{{2}})$"},
    ),
    Setting(
        "serial_details",
        "boolean",
        "Serial details",
        "Read aim_serials with a further call for each serial: that adds its location and "
        "quantity row (LocPk, Location, SaqPk).",
        default=False,
    ),
    # The server's own JSON leaves null members out (aim.md 3.1, INF): null and absent are the same.
    null_values("drop", "To AIM an absent member and a null one are the same."),
    # No limit is documented; one call at a time is what a shop's machine can be asked for
    # (aim.md 5.1), and the rate then is its own.
    *connection_settings(per_second=50, in_flight=1),
)

PAGE_ROWS = 100
"""Rows asked for at once (aim.md 4.1, DOC; the largest permitted number is not known)."""
PRODUCT_PAGE_ROWS = 150
"""The same for e-commerce products (aim.md 4.1, OBS)."""

AIM = Vendor(
    name=VENDOR,
    title="AIM Web Services",
    settings=SETTINGS,
    client=client_in("erp_vendors.aim.client", "AimClient"),
    logins=(("api_key", "app_id", "username", "password"),),
    custom_sink=CustomSink(how="POST to that operation"),
)
