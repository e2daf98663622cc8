"""Pentamic's API: whole lists, one list per customer, and single writes (pentamic.md 4, 6)."""

from __future__ import annotations

import logging
import re
import threading
import typing as t
import urllib.parse

import requests

from erp_vendors import schemas
from erp_vendors.assumption import doctor_hint
from erp_vendors.connect import connect
from erp_vendors.errors import CallError, ConfigError, DataError
from erp_vendors.http import codec
from erp_vendors.http.budget import Limits
from erp_vendors.overrides import configured
from erp_vendors.pentamic import answers
from erp_vendors.pentamic.auth import UNKNOWN_ID, ClientCredentials, RefusedRecordError
from erp_vendors.pentamic.resources import RESOURCES, PentamicResource, custom, parent_of
from erp_vendors.pentamic.settings import VENDOR

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from erp_vendors.schemas import Schema
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

Row = dict[str, t.Any]

logger = logging.getLogger("erp.pentamic")

ORDER_REFUSED = frozenset({400, 414, 422, 501})
"""What the answer to an order that is not taken may be (pentamic.md 5.2)."""
_NOT_FOUND = 404
_READS = 3
"""Times that a list is asked for whose answer is a proxy's page or breaks off."""
_PAUSE = 1.0
_TEXT: Schema = {"type": ["string", "null"]}


class PentamicClient:
    """Reads and writes one customer's Pentamic Accounting.

    Attributes:
        numbers: Properties that valid JSON has shown as whole numbers, by resource: zeros that
            they began with are lost (pentamic.md 3).
    """

    def __init__(self, block: Block, connection: Connection) -> None:
        self.block = block
        self.resources = resources(block)
        api_url, token_url = _address(block, "api_url"), _address(block, "token_url")
        auth = ClientCredentials(token_url, *block.require("client_id", "client_secret", "scope"))
        self.transport = connect(
            block,
            connection,
            base_url=api_url,
            limits=Limits(block.get("requests_per_second"), block.get("max_concurrency")),
            auth=auth,
            pins=_pins(block, api_url, token_url),
            trusted=(token_url,),
        )
        auth.transport = self.transport
        self.numbers: dict[str, set[str]] = {}
        self._properties = {
            name: schema_of(resource, self.resources)["properties"]
            for name, resource in self.resources.items()
        }
        parents = (parent_of(resource, self.resources) for resource in self.resources.values())
        self.null_lists = 0
        """Lists of children that came as null, which may mean that there are none (3, INF)."""
        self._shared = {parent.name for parent in parents if parent is not None}
        self._lists: dict[str, list[t.Any]] = {}
        self._order: str = block.get("order_by")
        self._lock = threading.Lock()

    def check(self) -> None:
        """Prove that the client gets a token and may read.

        The one list that is documented has no smaller form (pentamic.md 4.1, 7).

        Raises:
            ErpError: If not.
        """
        self.rows(self.resources["customers"])

    def rows(self, resource: PentamicResource, *, again: bool = False) -> list[t.Any]:
        """A whole list; that of a parent is read once per run.

        Args:
            resource: A resource without a parent.
            again: Read it anew.

        Returns:
            The elements of the list as they came, also those that are no objects and so no records.
            Several callers share them, so they must not be changed.

        Raises:
            DataError: If the answer is not a list.
            ErpError: If the call fails.
        """
        with self._lock:
            if resource.name in self._lists and not again:
                return self._lists[resource.name]
            rows = self._whole(resource)
            if resource.name in self._shared:
                self._lists[resource.name] = rows
            return rows

    def children(self, resource: PentamicResource, key: object) -> list[t.Any] | None:
        """The list that belongs to one parent.

        Args:
            resource: A resource with a parent.
            key: The parent's key.

        Returns:
            Its records; None if the vendor does not know the parent (5.2, DOC).

        Raises:
            DataError: If the answer is not a list.
            ErpError: If the call fails.
        """
        path = self._path(resource.path_of(urllib.parse.quote(str(key), safe="")))
        try:
            return self._list(resource, path, {})
        except RefusedRecordError as error:
            if error.code == UNKNOWN_ID:
                return None
            raise

    def create(self, resource: PentamicResource, record: Row) -> Answer:
        """Create a record; the vendor assigns its id and answers with it (pentamic.md 6).

        Never repeated after a lost answer: nothing but the id tells two records apart.

        Args:
            resource: What to write.
            record: The record without its id.

        Raises:
            RefusedRecordError: If the vendor does not take the record.
            ErpError: If it fails otherwise.
        """
        return self.transport.call(
            "POST",
            self._path(resource.write_path or resource.path),
            body=self._body(record),
            repeatable=False,
        )

    def update(self, resource: PentamicResource, key: object, record: Row) -> Answer:
        """Replace a record (pentamic.md 6): a second time changes nothing more.

        Args:
            resource: What to write.
            key: The record's id; an unknown one is refused (`ID_NOTFOUND`), not created.
            record: The whole record; whether what it leaves out is cleared is unknown (9).

        Raises:
            RefusedRecordError: If the vendor does not take the record.
            ErpError: If it fails otherwise.
        """
        return self.transport.call(
            "PUT", self._path(_single(resource, key)), body=self._body(record), repeatable=True
        )

    def delete(self, resource: PentamicResource, key: object) -> Answer:
        """Delete a record (pentamic.md 6).

        Repeated after a lost answer, as a second time changes nothing more; but if the first one
        was executed, the second one is refused with `ID_NOTFOUND`.

        Args:
            resource: What to write.
            key: The record's id.

        Raises:
            RefusedRecordError: If the vendor does not take the record.
            ErpError: If it fails otherwise.
        """
        return self.transport.call("DELETE", self._path(_single(resource, key)), repeatable=True)

    def _whole(self, resource: PentamicResource) -> list[t.Any]:
        """A list; without its order if that is refused (4.2), as nothing depends on it."""
        path = self._path(resource.path)
        order = self._order if resource.name == "customers" else ""
        try:
            return self._list(resource, path, {"orderBy": order} if order else {})
        except CallError as error:
            if error.status == _NOT_FOUND and not self.block.get("trailing_slash"):
                error.args = (f"{error}; {doctor_hint(VENDOR, 'slash')}",)
            if not order or error.status not in ORDER_REFUSED:
                raise
            rows = self._list(resource, path, {})
            self._order = ""
            logger.warning(
                "pentamic: the list of customers is read without pentamic.order_by, which the "
                "vendor refuses (%s); %s",
                error,
                doctor_hint(VENDOR, "order_by"),
            )
            return rows

    def _path(self, path: str) -> str:
        """A path as this site spells it (pentamic.md 1 shows both)."""
        return f"{path}/" if self.block.get("trailing_slash") else path

    def _list(self, resource: PentamicResource, path: str, params: dict[str, str]) -> list[t.Any]:
        where = f"pentamic: GET {path}"
        for attempt in range(1, _READS + 1):
            answer = self.transport.call("GET", path, params=params)
            if answer.has_no_content:
                return []
            if resource.is_child and answer.body == b"null":
                self.null_lists += 1
                return []
            try:
                properties = self._properties[resource.name]
                numbers = self.numbers.setdefault(resource.name, set())
                return answers.rows(answer.body, properties, resource.rows_in, numbers)
            except DataError as error:
                msg = f"{where}: {error}"
                raise DataError(msg) from None
            except ValueError as error:
                if attempt == _READS:
                    # Its content is not shown: half an answer holds people's data.
                    size = f"{len(answer.body)} bytes of {answer.headers.get('Content-Type')}"
                    msg = (
                        f"{where} answered with neither JSON nor XML that can be read: {error} "
                        f"({size})"
                    )
                    raise DataError(msg) from None
            self.transport.budget.clock.sleep(_PAUSE * attempt)
        raise AssertionError  # the last attempt returns or raises

    def _body(self, record: Row) -> bytes:
        """The record with its tax code as the setting says (pentamic.md 3, UNK)."""
        code = record.get("taxCode")
        if self.block.get("tax_code_as") == "number":
            if isinstance(code, str) and code.isascii() and code.isdigit():
                record = {**record, "taxCode": int(code)}
        elif isinstance(code, int) and not isinstance(code, bool):
            record = {**record, "taxCode": str(code)}
        return codec.encode(record)


def resources(block: Block) -> dict[str, PentamicResource]:
    """All resources by name, the settings applied.

    Raises:
        ConfigError: If an entry of `resources` cannot be understood.
    """
    found = configured(block, RESOURCES, custom)
    for resource in found.values():
        parent_of(resource, found)
    return found


def schema_of(resource: PentamicResource, resources: t.Mapping[str, PentamicResource]) -> Schema:
    """JSON schema of a resource's records.

    Args:
        resource: The resource.
        resources: All of them by name.
    """
    schema = schemas.for_stream(
        VENDOR, resource.name, resource.primary_keys, resource.replication_key, resource.schema
    )
    properties = schema["properties"]
    # A number loses the zeros that a tax code begins with, whatever the schema's source says.
    if "taxCode" in properties:
        properties["taxCode"] = {**properties["taxCode"], **_TEXT}
    parent = parent_of(resource, resources)
    if parent is not None:
        key = schema_of(parent, resources)["properties"].get(parent.key, {})
        properties[resource.parent_property] = {
            "type": ["string", "integer"],
            **properties.get(resource.parent_property, {}),
            **{name: value for name, value in key.items() if name == "type"},
        }
    return schema


def _single(resource: PentamicResource, key: object) -> str:
    return f"{resource.write_path or resource.path}/{urllib.parse.quote(str(key), safe='')}"


def _address(block: Block, name: str) -> str:
    (address,) = block.require(name)
    address = address.strip().rstrip("/")
    if not re.match(r"https?://[^/]", address):
        msg = f"pentamic.{name} must be an address that begins with http:// or https://"
        raise ConfigError(msg)
    return address


def _pins(block: Block, api_url: str, token_url: str) -> dict[str, str]:
    """The certificates to pin, by origin."""
    origins = {"tls_fingerprint": _origin(api_url), "token_tls_fingerprint": _origin(token_url)}
    pins: dict[str, str] = {}
    for name, origin in origins.items():
        given = block.get(name)
        if not given:
            continue
        # `openssl x509 -fingerprint` puts a label before it.
        pin = re.sub(r"[:\s]", "", given.rpartition("=")[2]).lower()
        if not re.fullmatch("[0-9a-f]{64}", pin):
            msg = f"pentamic.{name} must be a SHA-256 fingerprint: 64 hexadecimal digits"
            raise ConfigError(msg)
        if not origin.startswith("https://"):
            msg = f"pentamic.{name} needs an address that begins with https://, not {origin}"
            raise ConfigError(msg)
        pins[origin] = pin
    hosts = [urllib.parse.urlsplit(origin).hostname for origin in origins.values()]
    if hosts[0] == hosts[1] and origins["tls_fingerprint"] in pins:
        pins.setdefault(origins["token_tls_fingerprint"], pins[origins["tls_fingerprint"]])
    return pins


def _origin(address: str) -> str:
    """Scheme, host and port, spelled as `requests` will ask for them."""
    url = urllib.parse.urlsplit(requests.Request("GET", address).prepare().url or "")
    return f"{url.scheme}://{url.netloc}/"
