"""What a fuzzer calls: the reader of OpenAPI files with any bytes.

It ends normally, or with the error that a user sees. Any other exception is a fault.
"""

from __future__ import annotations

import json

import jsonschema_rs

from erp_vendors.errors import ConfigError
from erp_vendors.openapi.document import parse as read
from erp_vendors.vendors import VENDORS

SEEDS: tuple[bytes, ...] = (
    b"",
    b"{",
    b"\xef\xbb\xbf{}",
    b"openapi: 3.0.0\npaths: {}\n",
    b"""{"openapi": "3.0.1", "paths": {"/orders": {"get": {"responses": {"200": {"content":
    {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/O"}
    }}}}}}, "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref":
    "#/components/schemas/O"}}}}, "responses": {"default": {"description": "x"}}}},
    "/orders/{id}/lines": {"$ref": "#/paths/~1orders"}, "x-note": null},
    "components": {"schemas": {"O": {"type": "object", "required": ["id"], "properties": {
    "id": {"type": "string", "readOnly": true}, "parent": {"allOf": [{"$ref":
    "#/components/schemas/O"}], "nullable": true}, "n": {"oneOf": [{"type": "integer"},
    {"type": "null"}]}, "bad": {"$ref": "#/components/schemas/Gone"}}}}},
    "servers": [{"url": "https://{host}/{base}", "variables": {"base": {"default": "v2"}}}]}""",
    b"""swagger: "2.0"
basePath: /api
paths:
  /Orders({id}): {get: {responses: {200: {schema: {$ref: '#/definitions/O'}}}}}
  /Orders:
    get: {responses: {2XX: {schema: {properties: {value: {items: {$ref: '#/definitions/O'}}}}}}}
    post: {parameters: [{in: body, schema: &s {$ref: '#/definitions/O'}}]}
definitions:
  O: {type: [object, 'null'], properties: {true: {}, 2020-01-01: *s, ~: {type: date}}}
  P: {<<: [*s], anyOf: &all [{allOf: *all}], items: !!int x}
""",
    b"""openapi: 3.1.0
paths: {/a: {get: {responses: {default: {schema: &s {properties: {b: *s}, allOf: [*s, *s],
  items: *s}}}}}}
""",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"openapi": "3.0.0", "paths": {"/\\ud800": {"get": null}}, "n": 1' + b"0" * 5_000 + b"}",
)
"""Inputs to begin with: one for each form of a file, and those that once ended in a traceback."""
WORDS: tuple[bytes, ...] = (
    *(b"$ref", b"get", b"post", b"put", b"responses", b"200", b"default", b"content", b"schema"),
    *(b"application/json", b"type", b"items", b"properties", b"allOf", b"anyOf", b"oneOf", b"in"),
    *(b"required", b"value", b"parameters", b"requestBody", b"url", b"variables", b"enum"),
    *(
        b"null",
        b"[]",
        b"{}",
        b"&s",
        b"*s",
        b"<<",
        b"!!int",
        b"#/components/schemas/",
        b"~1",
        b"{id}",
    ),
)
"""Pieces that inputs are made of."""


def parse(data: bytes) -> None:
    """Read bytes as a file, as each vendor's settings would.

    Args:
        data: Anything.

    Raises:
        ValueError: If a schema is none.
        UnicodeEncodeError: If a name or a schema cannot be written.
    """
    try:
        document = read(data, "demo.openapi (fuzz)")
    except ConfigError:
        return
    for vendor in VENDORS.values():
        found = document.resources(vendor.openapi)
        assert len({item.name for item in found}) == len(found)
        for item in found:
            item.path.encode()
            for schema in filter(None, (item.schema, item.write_schema, item.answer_schema)):
                json.dumps(schema, ensure_ascii=False).encode()
                jsonschema_rs.meta.validate(schema)
