"""Fetches what an Aqua job made from its publish link (aims360.md 10.5)."""

from __future__ import annotations

import contextlib
import io
import mmap
import tempfile
import typing as t
import urllib.parse

from erp_vendors.aims360.settings import VENDOR, VENDOR_DOMAIN
from erp_vendors.connect import connect
from erp_vendors.errors import CredentialsError, DataError
from erp_vendors.http.address import origin
from erp_vendors.http.body import Into, charset_of, in_utf8
from erp_vendors.http.budget import Limits
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    from erp_vendors.aims360.output import Body
    from erp_vendors.http import Answer, Transport
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

_SHORT = 16
"""Shorter parts of a link are words, and masking them would blank out half the log."""


def fetch(
    link: str, block: Block, connection: Connection, transport: Transport
) -> tuple[Body, str]:
    """Fetch the output behind a link, and send the ERP's token to no host but the ERP's own.

    An export is larger than any other answer, so it goes to a file without a name, which vanishes
    with the process.

    Args:
        link: The link, whole or relative to the API's address.
        block: The vendor block.
        connection: What all vendors of the run share.
        transport: The account's transport.

    Returns:
        The output, in UTF-8 if its charset is declared, and its Content-Type in small letters.

    Raises:
        DataError: If the link cannot be read, or its host wants credentials of its own.
        ErpError: If the call fails.
        OSError: If the disk is full.
    """
    with tempfile.TemporaryFile() as file:
        setting = f"{VENDOR}.aqua_max_bytes"
        into = Into(file, int(block.get("aqua_max_bytes")), setting)
        answer = _call(link, block, connection, transport, into)
        kind = answer.headers.get("Content-Type", "").casefold()
        with in_utf8(file, charset_of(kind), tempfile.TemporaryFile) as text:
            text.flush()
            if not text.seek(0, io.SEEK_END):
                return b"", kind
            return mmap.mmap(text.fileno(), 0, access=mmap.ACCESS_READ), kind


def _call(
    link: str, block: Block, connection: Connection, transport: Transport, into: Into
) -> Answer:
    base = transport.options.base_url
    link = urllib.parse.urljoin(base, link.strip())
    parts = urllib.parse.urlsplit(link)
    path = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
    # Whoever knows a public link can read the export, so parts of it are secrets.
    secrets = [parts.path.rpartition("/")[2]]
    secrets += [value for _, value in urllib.parse.parse_qsl(parts.query)]
    redact.add(*(secret for secret in secrets if len(secret) > _SHORT))
    headers = {"Accept": "*/*"}
    leads_to = origin(link)
    if leads_to is None:
        msg = f"{VENDOR}: the publishLink is no address that can be read ({parts.scheme})"
        raise DataError(msg)
    if leads_to == origin(base):
        return transport.call("GET", link, headers=headers, into=into)
    if (parts.hostname or "").endswith(VENDOR_DOMAIN):
        # A host of the vendor's may not be routable (1.1); the API's host serves the same paths.
        return transport.call("GET", path, headers=headers, into=into)
    # Another host gets neither the ERP's token nor a share of its rate limit.
    other = connect(
        block,
        connection,
        base_url=f"{parts.scheme}://{parts.netloc}",
        limits=Limits(transport.budget.limits.per_second, 1),
    )
    other.observer = transport.observer
    try:
        with contextlib.closing(other):
            return other.call("GET", path, headers=headers, into=into)
    except CredentialsError:
        msg = (
            f"{VENDOR}: {parts.hostname} does not give the export without credentials, which "
            f"are never sent to another host than {VENDOR}.api_url; set "
            f"{VENDOR}.aqua_publish_scope to Public if that is acceptable"
        )
        raise DataError(msg) from None
