"""The resources: paths, tables, keys and columns (7 and 8).

Column names in capitals or with a prefix are the vendor's; where the sheet has none they are
made up in the same manner (INF), and ``--cimcloud-primary-keys`` renames the keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from erp_sandbox.store import TableShape

CREATED = "create_date"
MODIFIED = "last_modify_date"
"""Change stamps: DOC for accounts, assumed for the rest (4.3)."""


@dataclass(frozen=True)
class SandboxCimcloudResource:
    """One Standard resource.

    Attributes:
        name: Name as in the stream name, and a path.
        key: Primary key column.
        user_key: User key, one or several columns; the second way to match a written record.
        columns: Kind of each column: ``key``, ``text``, ``flag``, ``int``, ``number``, ``money``
            or ``date``.
        paths: Further paths that reach it.
        needs_user_key: Whether a new record must have its user key.
        auto: User key column that the site numbers by itself.
        header: Resource whose row must exist before, and the columns that name that row.
        guessed: False when a page of the vendor names its path (7.4).
        shown: Other names under which columns are shown and found; None hides the column.
    """

    name: str
    key: str
    user_key: tuple[str, ...]
    columns: dict[str, str]
    paths: tuple[str, ...] = ()
    needs_user_key: bool = False
    auto: str | None = None
    header: tuple[str, tuple[str, ...]] | None = None
    guessed: bool = True
    shown: dict[str, str | None] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """The columns by the names that callers use."""
        pairs = ((self.shown.get(column, column), column) for column in self.columns)
        return {name: column for name, column in pairs if name is not None}

    def shape(self) -> TableShape:
        """Return how the resource is kept."""
        business = (self.user_key,)
        lookups = tuple(
            name
            for name in ("o_key", "c_ordnum", "order_no", "invoice_no")
            if name in self.columns and name != self.key and (name,) != self.user_key
        )
        return TableShape(self.name, self.key, business, MODIFIED, lookups, self.paths)

    def answers_to(self, path: str, form: str) -> bool:
        """Return whether a path segment means this resource.

        Case does not matter (INF), neither do underscores, unless the form is another one.

        Args:
            path: The segment.
            form: The option ``guessed_paths``.
        """
        if self.guessed and form == "camel":
            return path.lower() == self.name.replace("_", "")
        if self.guessed and form == "singular":
            # addresses, levels; order_history is singular as it is
            return path.lower() == re.sub("(?<=ss)es$|s$", "", self.name)
        wanted = path.lower().replace("_", "")
        return wanted in {name.lower().replace("_", "") for name in (self.name, *self.paths)}


def _columns(text: str) -> dict[str, str]:
    pairs = (word.partition(":") for word in text.split())
    found = {name: kind or "text" for name, _, kind in pairs}
    return {**found, CREATED: "date", MODIFIED: "date"}


_ADDRESS = "address address2 address3 city state zip country"

RESOURCES = (
    # 8.1; the primary key is UNK.
    SandboxCimcloudResource(
        "accounts", "a_key", ("ref_id",),
        _columns(
            f"a_key:key ref_id num nm status:flag {_ADDRESS} phone terms_code rep_code "
            "price_level credit_limit:money notes"
        ),
        ("account",), needs_user_key=True, guessed=False,
    ),
    # 8.2; pw is taken but never shown.
    SandboxCimcloudResource(
        "customers", "c_id", ("username",),
        _columns(
            "c_id:key username a_id c_f_nm c_l_nm c_em c_phone c_add1 c_add2 c_city c_state c_zip "
            "status:flag change_pw authorized_rep_codes accounts_query_type"
        ),
        ("customer", "contacts"), needs_user_key=True, guessed=False,
    ),
    # 8.3
    SandboxCimcloudResource(
        "products", "p_key", ("sku",),
        _columns(
            "p_key:key sku nm ds retail_price:money sretail_price:money product_class status:flag "
            "search_terms child_rollup_search_terms thumb ShipWeight:number StandardUnitOfMeasure "
            "taxclass"
        ),
        ("product",), needs_user_key=True, guessed=False,
    ),
    # 8.4; the location code is unique within an account only.
    SandboxCimcloudResource(
        "shipping_addresses", "sa_key", ("a_id", "location_code"),
        _columns(f"sa_key:key a_id location_code nm attention {_ADDRESS} phone email"),
        ("shipping_address", "addresses"),
    ),
    # 8.5 and 10
    SandboxCimcloudResource(
        "orders", "o_key", ("c_ordnum",),
        _columns(
            "o_key:key c_ordnum:int a_id c_id status:flag exported:int order_date:date po_number "
            "total:money tax:money shipping:money Header_WS_ID CouponData_Amount:money "
            "CouponData_UserCode CouponData_ItemCode GiftCard_DepositAmt:money GiftCard_UserCode "
            "GiftCard_ItemCode OrderComment_Text"
        ),
        ("order",), auto="c_ordnum", guessed=False,
    ),
    SandboxCimcloudResource(
        "order_details", "od_key", ("o_key", "line_number"),
        _columns(
            "od_key:key o_key c_ordnum:int line_number:int sku ds quantity:number price:money "
            "extended:money"
        ),
        ("order_detail",), header=("orders", ("o_key", "c_ordnum")),
    ),
    SandboxCimcloudResource(
        "payments", "pay_key", ("transaction_id",),
        _columns(
            "pay_key:key o_key c_ordnum:int transaction_id payment_type amount:money "
            "payment_date:date"
        ),
        ("payment",),
    ),
    # The rest is known by name only (7.3).
    SandboxCimcloudResource(
        "inventory_levels", "il_key", ("sku", "warehouse"),
        _columns(
            "il_key:key sku warehouse qty_on_hand:number qty_available:number qty_on_order:number"
        ),
        ("inventory_level", "inventory"),
    ),
    SandboxCimcloudResource(
        "product_prices", "pp_key", ("sku", "price_level", "min_qty"),
        _columns("pp_key:key sku price_level min_qty:int price:money start_date:date"),
        ("product_price", "product_pricing"),
    ),
    SandboxCimcloudResource(
        "invoice_payments", "ip_key", ("reference",),
        _columns("ip_key:key reference invoice_no a_id amount:money payment_date:date"),
        ("invoice_payment", "online_invoice_payments"),
    ),
    SandboxCimcloudResource(
        "order_history", "oh_key", ("order_no",),
        _columns(
            "oh_key:key order_no a_id status po_number order_date:date total:money tax:money "
            "shipping:money terms_code payment_type comment"
        ),
        ("order_history_header", "order_history_headers"),
    ),
    SandboxCimcloudResource(
        "order_history_lines", "ohl_key", ("order_no", "line_number"),
        _columns(
            "ohl_key:key order_no line_number:int sku ds quantity:number qty_open:number "
            "qty_shipped:number qty_backordered:number price:money"
        ),
        ("order_history_line", "order_history_detail"), header=("order_history", ("order_no",)),
    ),
    SandboxCimcloudResource(
        "shipments", "sh_key", ("shipment_no",),
        _columns("sh_key:key shipment_no order_no carrier_code tracking_no ship_date:date"),
        ("shipment",),
    ),
    SandboxCimcloudResource(
        "invoices", "inv_key", ("invoice_no",),
        _columns(
            "inv_key:key invoice_no order_no a_id status invoice_date:date due_date:date "
            "total:money balance:money"
        ),
        ("invoice", "invoice_history", "invoice_header", "invoice_headers"),
    ),
    SandboxCimcloudResource(
        "invoice_lines", "ivl_key", ("invoice_no", "line_number"),
        _columns("ivl_key:key invoice_no line_number:int sku ds quantity:number price:money"),
        ("invoice_line", "invoice_history_lines"), header=("invoices", ("invoice_no",)),
    ),
    SandboxCimcloudResource(
        "credits", "cr_key", ("credit_no",),
        _columns("cr_key:key credit_no a_id amount:money balance:money credit_date:date reason"),
        ("credit",),
    ),
)  # fmt: skip


def resources(
    primary_keys: tuple[str, ...], stamp_column: str = MODIFIED
) -> dict[str, SandboxCimcloudResource]:
    """Return the resources by name, with renamed primary keys.

    Args:
        primary_keys: ``resource=column`` each.
        stamp_column: The option of that name.

    Raises:
        ValueError: One of them is not of that form or names no resource.
    """
    found = {resource.name: resource for resource in RESOURCES}
    for text in primary_keys:
        name, equals, column = text.partition("=")
        if not equals or not column or name not in found:
            message = f"primary key {text!r}: not RESOURCE=COLUMN with a known resource"
            raise ValueError(message)
        old = found[name]
        columns = {(column if item == old.key else item): old.columns[item] for item in old.columns}
        found[name] = replace(old, key=column, columns=columns)
    if stamp_column == MODIFIED:
        return found
    hidden = stamp_column == "none"
    shown: dict[str, str | None] = {CREATED: None, MODIFIED: None}
    shown = shown if hidden else {MODIFIED: stamp_column}
    return {
        name: resource if name == "accounts" else replace(resource, shown=shown)
        for name, resource in found.items()
    }
