"""Operations on inventory (8.1, 8.2)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NoReturn

from erp_sandbox.aim.seed import CHANGED, FIRST_PRODUCT
from erp_sandbox.aim.shop import Ask, Shop, fail, operation
from erp_sandbox.aim.types import TYPES

if TYPE_CHECKING:
    from erp_sandbox.store import Row

_BARE = {"Description", "Model", "Sku", "Manufacturer", "Mpn"}
_PRICES = ("OurPrice", "RetailPrice", "PriceA", "PriceB", "PriceC", "MinPrice")


def _not_found(what: str) -> NoReturn:
    fail("InventoryNotFound", f"{what} was not found.")


def _search(shop: Shop, ask: Ask) -> Row:
    """SearchInventory: paged, the page is echoed, ChangedDate filters (OBS)."""
    text = str(ask.get("SearchStr", "")).lower()
    flags = {
        "S": "IncludeSerials",
        "M": "IncludeMedia",
        "A": "IncludeAccessories",
        "P": "IncludePackages",
    }
    # What comes without any of the four flags is UNK; here everything does.
    chosen = [kind for kind, flag in flags.items() if ask.get(flag)]
    rows = [
        row
        for row in shop.rows("inventory")
        if (not row.get("_deleted") or ask.get("IncludeDeleted"))
        and (not chosen or row["InventoryType"] in chosen)
        and ask.get("LocFk") in {None, row.get("_location")}
        and ask.get("Cat") in {None, row["Category"]}
        and shop.between(row[CHANGED], ask.get("ChangedDate"))
        and (not text or any(text in str(row.get(name) or "").lower() for name in _BARE))
    ]
    found, left = shop.page(rows, ask, 50)
    if ask.get("IncludeDetails"):
        found = [{**row, "Detail": _detail_of(shop, row, ask)} for row in found]
    payload: Row = {"StartOffset": ask.get("StartOffset", 0), "RecordCount": len(found)}
    payload |= {"TotalRecords": len(rows), "Records": found}
    return payload | shop.remaining(left)


def _model(shop: Shop, ask: Ask) -> Row:
    """Return the item that Pk and PkType, or Model, point at (7.4)."""
    key, model = ask.get("Pk"), ask.get("Model")
    kind = str(ask.get("PkType", "SAD")).upper()
    items = shop.collections["inventory"]
    row: Row | None = None
    if key is None:
        row = items.first("Model", model) if model else None
    elif kind == "SAD":
        row = items.get(key)
    elif kind == "SKU":
        row = items.get(key // 10)
    elif kind == "SAS":
        serial = shop.collections["serials"].get(key)
        row = items.get(serial["SadPk"]) if serial else None
    if row is None:
        _not_found(f"Item {key or model}")
    return row


def _detail_of(shop: Shop, row: Row, ask: Ask) -> Row:
    images = shop.collections["inventory_images"].find(("_item",), (row["Pk"],))
    return {
        "SadPk": row["Pk"],
        "InvType": row["InventoryType"],
        "Model": row["Model"],
        "Description": row["Description"],
        "Mfg": row["Manufacturer"],
        "Category": row["Category"],
        "CategoryDescription": row["CategoryDescription"],
        "SubCategory": row["SubCategory"],
        "SubCategoryDescription": row["SubCategoryDescription"],
        "SelectionCode": row["SelectionCode"],
        "SelectionCodeDescription": row["SelectionCodeDescription"],
        "SellSerialsOnline": False,
        "Notes": None,
        "Images": [] if ask.get("SkipImages") else images,
        "HasImages": bool(images),
        "VariantDetails": [
            {
                "SkuPk": row["Pk"] * 10,
                "Sku": row["Sku"],
                "VendorCost": None,
                "Serials": _serials_of(shop, row) if ask.get("IncludeSerialInfo") else None,
            }
        ],
        "AddOns": [],
        "ActiveEInfo": {"WebCategoryIds": [1, 2], "Summary": row["Description"]},
        "Weight": row["CustomerPrice"],
        "Unit": "EA",
        "ShipCharge": 0,
    }


def _serials_of(shop: Shop, row: Row) -> list[Row]:
    found = shop.collections["serials"].find(("SadPk",), (row["Pk"],))
    return [serial["Details"] for serial in found]


def _detail(shop: Shop, ask: Ask) -> Row:
    return _detail_of(shop, _model(shop, ask), ask)


def _quantities(shop: Shop, ask: Ask) -> Row:
    """InventoryQty: by model, by variant or by SKU."""
    table = shop.collections["inventory_quantities"]
    if ask.get("Sku") is not None:
        rows = table.find(("Sku",), (ask.get("Sku"),))
    elif ask.get("SkuPk") is not None:
        rows = table.find(("SadPk",), (ask.get("SkuPk") // 10,))
    else:
        rows = table.find(("SadPk",), (_model(shop, ask)["Pk"],))
    if not rows:
        _not_found("The item")
    places = shop.collections["locations"]
    locations = [
        {"LocationInfo": places.get(row["LocationId"]), "QtyAvail": row["QtyAvail"]} for row in rows
    ]
    return {"Variants": [{"Sku": rows[0]["Sku"], "AeVariantName": None, "Locations": locations}]}


def _serial(shop: Shop, ask: Ask) -> Row:
    """SerialDetail: by SasPk or by serial number."""
    table = shop.collections["serials"]
    key, serial = ask.get("Pk"), ask.get("Serial")
    row = table.get(key) if key is not None else table.first("Serial", serial)
    if row is None:
        _not_found(f"Serial {key or serial}")
    return row


def _item_key(shop: Shop, ask: Ask) -> int:
    key = ask.get("ItemPk")
    if key is None:
        column = {"sku": "Sku", "model": "Model"}.get(str(ask.get("ItemType", "Model")).lower())
        row = shop.collections["inventory"].first(column, ask.get("Item")) if column else None
        key = row["Pk"] if row else None
    if key is None or key not in shop.collections["inventory"]:
        _not_found(f"Item {ask.get('ItemPk') or ask.get('Item')}")
    found: int = key
    return found


def _images(shop: Shop, ask: Ask) -> Row:
    """InventoryImage: reads; a POST may add and delete, each image with its own error (5.2)."""
    key = _item_key(shop, ask)
    table = shop.collections["inventory_images"]
    failed: list[Row] = []
    for pk in ask.get("UriImagePksToDelete", []):
        old = table.get(pk)
        if old is not None and old["_item"] == key and table.delete(pk):
            ask.call.count("deleted")
        else:
            ask.call.count("refused")
            failed.append({"UriPk": pk, "ErrorMessage": f"Image {pk} was not found."})
    for image in ask.get("NewImages", []):
        name = image.get("FileName")
        try:
            data = base64.b64decode(image.get("Base64Image") or "", validate=True)
        except binascii.Error:
            data = b""
        if not data:
            ask.call.count("refused")
            failed.append({"Url": name, "ErrorMessage": f"Image {name} cannot be read."})
            continue
        new = table.next_integer("UriPk")
        row = {"UriPk": new, "Url": f"https://images.example.com/{new}/{name}"}
        shop.put("inventory_images", {**row, "_item": key, "_data": image["Base64Image"]})
        ask.call.count("created")
    if ask.get("NewImages") or ask.get("UriImagePksToDelete"):
        ask.call.resource = "inventory_images"
    return {"Images": [*table.find(("_item",), (key,)), *failed]}


def _image(shop: Shop, ask: Ask) -> Row:
    found = shop.collections["inventory_images"].find(("_item",), (ask.get("InventoryPk", ""),))
    return {"Images": found}


def _edit(shop: Shop, ask: Ask) -> Row:
    """EditInventory: a quantity row or a serial row; Barcodes replaces all (6)."""
    saq, sas = ask.get("SaqPk"), ask.get("SasPk")
    name = "serials" if saq is None else "inventory_quantities"
    row = shop.collections[name].get(sas if saq is None else saq)
    if row is None:
        _not_found(f"SaqPk {saq}, SasPk {sas}")
    change = {
        column: ask.args[column]
        for column in (*_PRICES, "Locator", "Barcodes")
        if ask.args.get(column) is not None
    }
    if name == "serials":
        known = TYPES["InventoryDetailBySerial"]
        change = {
            **change,
            "Details": {**row["Details"], **{n: v for n, v in change.items() if n in known}},
        }
    elif ask.get("NewComputerQuantity") is not None:
        change["QtyAvail"] = ask.get("NewComputerQuantity")
    rows = [row]
    if ask.get("UpdateAllLocations") and name == "inventory_quantities":
        rows = shop.collections[name].find(("SadPk",), (row["SadPk"],))
    for one in rows:
        here = {n: v for n, v in change.items() if one is row or n not in {"QtyAvail", "Locator"}}
        shop.put(name, {**one, **here})
    item = shop.collections["inventory"].get(row["SadPk"])
    if item is not None:
        text = ask.get("Description", item["Description"])
        shop.put("inventory", {**item, "Description": text})
    ask.call.count("updated")
    return {}


def _scan(shop: Shop, ask: Ask) -> Row:
    """ScanForImport: stages rows; the rejected ones come back in ErrorItems (5.2)."""
    bad: list[Row] = []
    batch = shop.collections["inventory_scans"]
    for item in ask.get("Items", []):
        known = (
            (item.get("SkuPk") or 0) // 10 in shop.collections["inventory"]
            or item.get("SasPk") in shop.collections["serials"]
            or shop.collections["inventory"].first("Sku", item.get("Sku")) is not None
            or shop.collections["serials"].first("Serial", item.get("Serial")) is not None
            or item.get("ExceptionInfo") is not None
        )
        if not known or not item.get("Quantity"):
            text = "Quantity is required." if known else "The item was not found."
            bad.append({**item, "ErrorMessage": text})
            ask.call.count("refused")
            continue
        row = {**item, "_key": batch.next_integer("_key"), "_batch": ask.get("Description")}
        shop.put("inventory_scans", row)
        ask.call.count("created")
    return {"ErrorItems": bad}


def _e3party(shop: Shop, ask: Ask) -> Row:
    key = shop.options.product_key
    table = shop.collections["ecommerce_products"]
    rows = shop.page(shop.rows("ecommerce_products"), ask, None)[0]
    if key == "Pk":
        return {"Records": rows}
    # Every two products share what is no key.
    twins = [table.get(row["AeId"] - (row["AeId"] - FIRST_PRODUCT) % 2) or row for row in rows]
    return {
        "Records": [
            {**row, **{name: twin[name] for name in ("AeId", "Pk", "Sku") if name != key}}
            for row, twin in zip(rows, twins, strict=True)
        ]
    }


_FLAGS = (
    "IncludeSerials:b IncludeMedia:b IncludeAccessories:b IncludePackages:b IncludeIconImage:b "
    "IncludeDeleted:b IncludePackageLineItems:b IncludeDetails:b ExactModel:b"
)
_PRICE_MEMBERS = " ".join(f"{name}:d" for name in _PRICES)

ITEMS = (
    operation("SearchInventory", "POST GET", "S", "inventory", "inventory",
        "SearchStr StartOffset:i RecordCount:i ChangedDate:T LocFk:i Cat:i Sub:i SelectionCode Mfg "
        "CatIdList:[i] SubIdList:[i] MfgIdList:[i] SelIdList:[i] MinimumAvailableQuantity:d "
        + _FLAGS,
        "StartOffset:i RecordCount:i RemainingRecords:i TotalRecords:i "
        "Records:[SearchInventoryApiResult]", _search),
    operation("InventoryDetail", "POST GET", "S", "inventory", "inventory_details",
        "Pk:i PkType Model SkipImages:b IncludeSerialInfo:b CustomerAcct:i",
        TYPES["InventoryDetail"], _detail),
    operation("InventoryQty", "POST GET", "B", "inventory vortx third-party",
        "inventory_quantities", "Pk:i Model AeId SkuPk:i Sku SendVendorQtyAsSeperateLocation:b",
        "Variants:[InventoryQtyByVariant]", _quantities),
    operation("SerialDetail", "POST GET", "S", "inventory", "serials",
        "Pk:i Serial SkipImages:b CustomerAcct:i",
        "SasPk:i Serial SaqPk:i LocPk:i Location SkuPk:i SKU SadPk:i Model "
        "Details:{InventoryDetailBySerial}", _serial),
    operation("InventoryImage", "POST GET", "S", "inventory", "",
        "Item ItemPk:i ItemType NewImages:[NewImageInfo] UriImagePksToDelete:[i]",
        "Images:[ImageInfo]", _images),
    operation("GetImage", "GET", "B", "customer inventory", "inventory_images",
        "CustomerAcct:i InventoryPk:i", "Images:[ImageInfo]", _image),
    # Not on any vendor page: seen in clients only.
    operation("GetActiveE3Party", "GET", "S", "third-party", "ecommerce_products",
        "StartOffset:i RecordCount:i", "Records:[E3PartyRecord]", _e3party),
    operation("EditInventory", "POST", "S", "inventory", "inventory",
        "SaqPk:i SasPk:i Description Locator UpdateAllLocations:b Barcodes:[s] "
        "NewComputerQuantity:d " + _PRICE_MEMBERS, "", _edit),
    operation("ScanForImport", "POST", "S", "inventory", "inventory_scans",
        "Description Items:[ScanItem] ReceiveInventoryMode:b AppendMode:b",
        "ErrorItems:[ScanErrorItem]", _scan),
)  # fmt: skip
