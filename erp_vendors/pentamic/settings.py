"""The `pentamic` block."""

from __future__ import annotations

from erp_vendors.openapi.pattern import Pattern
from erp_vendors.settings import Setting, connection_settings, null_values
from erp_vendors.vendor import CustomSink, Vendor, client_in

VENDOR = "pentamic"

SETTINGS: tuple[Setting, ...] = (
    # The documented addresses are a demonstration; Pentamic hands out each customer's own
    # (pentamic.md, the caveat at its head).
    Setting(
        "api_url",
        "string",
        "API address",
        "Root of the API, up to and without the name of a resource.",
        "http://api.pentamic.com/api",
    ),
    Setting(
        "token_url",
        "string",
        "Token address",
        "Where the identity server gives out tokens.",
        "https://identity.pentamic.com/connect/token",
        must_agree=True,
    ),
    Setting("client_id", "string", "Client id", "Assigned by the Pentamic administrator."),
    Setting("client_secret", "string", "Client secret", "The client's secret.", secret=True),
    Setting("scope", "string", "Scope", "Allowed scope of the client, assigned with it."),
    Setting(
        "order_by",
        "string",
        "Order",
        "Field that the customer list is sorted by; none asks for no order.",
        "id",
        or_none=True,
    ),
    Setting(
        "trailing_slash",
        "boolean",
        "Trailing slash",
        "Paths end with a slash: Pentamic's headings show one, its examples show none.",
        False,  # noqa: FBT003
    ),
    Setting(
        "tax_code_as",
        "string",
        "Tax code as",
        "How a tax code of digits is written: as text (string), or as the vendor documents it "
        "(number), which loses leading zeros.",
        "string",
        options=("string", "number"),
    ),
    Setting(
        "tls_fingerprint",
        "string",
        "TLS fingerprint",
        "SHA-256 of the API server's certificate, for a self-signed one: only this certificate is "
        "accepted then.",
        must_agree=True,
    ),
    Setting(
        "token_tls_fingerprint",
        "string",
        "TLS fingerprint of the token server",
        "The same for the server of token_url (default: tls_fingerprint, if the host is the same).",
        must_agree=True,
    ),
    # PUT replaces the whole record (pentamic.md 6), so a null empties its property.
    null_values("send", "An update replaces the whole record."),
    # Limits: none are documented (pentamic.md 5.1, UNK); these are ours, chosen small.
    *connection_settings(per_second=5, in_flight=4),
)

PENTAMIC = Vendor(
    name=VENDOR,
    title="Pentamic Accounting",
    settings=SETTINGS,
    client=client_in("erp_vendors.pentamic.client", "PentamicClient"),
    logins=(("client_id", "client_secret", "scope"),),
    # Lists below one customer can be read (pentamic.md 7).
    openapi=Pattern(
        prefix="/api",
        children=True,
        keys=("id",),
        lists="bare arrays, also `/x/{id}/y` below a list `/x`",
    ),
    custom_sink=CustomSink(
        how="POST; PUT with an id",
        again="updated",
        lost="looked for in the list at `path`, or parked",
    ),
)
