"""CIMcloud's resources (cimcloud.md 7): paths, keys, and how each is written."""

from __future__ import annotations

import dataclasses

from erp_vendors.resource import Resource

MODIFIED = "last_modify_date"
"""Documented for accounts, assumed for the rest (cimcloud.md 4.3)."""
WRITE_ONLY = frozenset({"pw", "PW", "Pw"})
"""A contact's password, which is written but never read (cimcloud.md 8.2): it is dropped from
every row, as the vendor's joined tables may carry it, too."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CimcloudResource(Resource):
    """A CIMcloud resource.

    Attributes:
        spellings: Further paths to try where the first one, a guess, does not exist.
        natural_keys: Columns that identify a row when writing, best one first.
        documented_keys: Those of them that a document of the vendor names (7.4); whether the site
            has the others is only assumed.
        surrogate: The site's own key, left out of a write when a natural key is there: if both
            come, the surrogate wins, and one of another site would make a second row (6.1).
        in_session: Read with the customer's session, if one is configured.
        destructive: The GET marks what it returns as taken (cimcloud.md 10).
        special: A server function that takes one nested object a call and is no upsert.
        after: Resources that this one's rows refer to, which are written first.
    """

    spellings: tuple[str, ...] = ()
    natural_keys: tuple[str, ...] = ()
    documented_keys: tuple[str, ...] = ()
    surrogate: str = ""
    in_session: bool = False
    destructive: bool = False
    special: bool = False
    after: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to try, first one first."""
        return (self.path,) if self.documented else (self.path, *self.spellings)


def _guess(name: str, *spellings: str, after: tuple[str, ...] = ()) -> CimcloudResource:
    """A Standard resource whose path, key and columns are not public."""
    camel = "".join(word.capitalize() for word in name.split("_"))
    return CimcloudResource(
        name=name,
        path=name,
        spellings=(*spellings, camel),
        replication_key=MODIFIED,
        write_path="",
        after=after,
    )


RESOURCES: tuple[CimcloudResource, ...] = (
    CimcloudResource(
        name="accounts",
        path="accounts",
        documented=True,
        primary_keys=("ref_id",),
        replication_key=MODIFIED,
        # Singular in the write sample (6, DOC).
        write_path="account",
        natural_keys=("ref_id",),
        documented_keys=("ref_id",),
    ),
    CimcloudResource(
        name="customers",
        path="customers",
        documented=True,
        primary_keys=("username",),
        replication_key=MODIFIED,
        write_path="customers",
        natural_keys=("username", "c_id"),
        surrogate="c_id",
        # `a_id` is the account's id in the ERP (8.2).
        references={"a_id": ("accounts", "ref_id")},
        after=("accounts",),
    ),
    CimcloudResource(
        name="products",
        path="products",
        documented=True,
        primary_keys=("sku",),
        replication_key=MODIFIED,
        write_path="products",
        natural_keys=("sku", "p_key"),
        documented_keys=("sku",),
        surrogate="p_key",
        in_session=True,
    ),
    _guess("shipping_addresses", after=("accounts",)),
    CimcloudResource(
        name="orders",
        path="orders",
        spellings=("Orders",),
        primary_keys=("o_key",),
        replication_key=MODIFIED,
        write_path="",
        natural_keys=("o_key", "c_ordnum"),
        after=("accounts", "customers", "products"),
    ),
    _guess("order_details", "order_detail", after=("orders",)),
    _guess("payments", after=("orders",)),
    _guess("inventory_levels", "inventory", after=("products",)),
    _guess("product_prices", "product_pricing", after=("products",)),
    _guess("invoice_payments", "online_invoice_payments", after=("invoices",)),
    _guess("order_history", "order_history_header"),
    _guess("order_history_lines", "order_history_detail", after=("order_history",)),
    _guess("shipments", after=("orders",)),
    _guess("invoices", "invoice_history", "invoice_header"),
    _guess("invoice_lines", "invoice_history_lines", "invoice_detail", after=("invoices",)),
    _guess("credits", after=("accounts",)),
    CimcloudResource(
        name="online_orders",
        path="OnlineOrders",
        documented=True,
        # One row per order or per line is unknown (10), so no key: a loader must not merge lines.
        destructive=True,
    ),
    CimcloudResource(
        name="order_passthrough",
        write_path="orderpassthrough",
        natural_keys=("order_number",),
        special=True,
    ),
)


def custom(name: str, path: str) -> CimcloudResource:
    """A custom Standard resource from the settings.

    Args:
        name: Resource name.
        path: Path after the site name.
    """
    return CimcloudResource(name=name, path=path.strip("/"))
