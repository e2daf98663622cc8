"""The JSON schemas of AIM's records, and of the answers that hold them."""

from __future__ import annotations

import typing as t

from erp_vendors import schemas
from erp_vendors.aim.answers import envelope_schema
from erp_vendors.aim.settings import VENDOR

if t.TYPE_CHECKING:
    from erp_vendors.aim.resources import AimResource
    from erp_vendors.schemas import Schema


def schema_of(resource: AimResource) -> Schema:
    """The JSON schema of a resource's records."""
    keys, stamp = resource.primary_keys, resource.replication_key
    return schemas.for_stream(VENDOR, resource.name, keys, stamp, resource.schema)


def answer_schema_of(resource: AimResource) -> Schema:
    """The JSON schema of an answer of its operation, which gives XML its types."""
    single = resource.single or resource.reader is not None
    return envelope_schema(schema_of(resource), list_name=resource.list_name, single=single)
