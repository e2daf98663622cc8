"""Small OpenAPI files for tests."""

from __future__ import annotations

import json
import typing as t

import yaml  # type: ignore[import-untyped, unused-ignore]

from erp_vendors.openapi.document import load

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.openapi.operations import OpenApiResource
    from erp_vendors.openapi.pattern import Pattern

Content = dict[str, t.Any]
Save = t.Callable[..., str]

CUSTOMER: Content = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "format": "int32", "readOnly": True},
        "name": {"type": "string", "maxLength": 50, "description": " The name. "},
        "since": {"type": "string", "format": "date-time"},
        "secret": {"type": "string", "writeOnly": True},
        "kind": {"type": "string", "enum": ["A", "B"]},
        "parent": {"$ref": "#/components/schemas/Customer"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Customer"}},
        "billing": {"$ref": "#/components/schemas/Address"},
        "shipping": {"$ref": "#/components/schemas/Address"},
        "no": {"type": "boolean"},
    },
}
ADDRESS: Content = {
    "allOf": [
        {"$ref": "#/components/schemas/Base"},
        {"type": "object", "properties": {"city": {"type": "string"}}},
    ]
}
BASE: Content = {
    "type": "object",
    "properties": {"city": {"description": "Where"}, "zip": {"type": "string"}},
}


def reply(schema: Content) -> Content:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


def ref(name: str) -> Content:
    return {"$ref": f"#/components/schemas/{name}"}


def many(name: str) -> Content:
    return {"type": "array", "items": ref(name)}


def body(schema: Content) -> Content:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def document(paths: Content, **schemas: t.Any) -> Content:
    return {
        "openapi": "3.0.3",
        "info": {"title": "An API", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {"Customer": CUSTOMER, "Address": ADDRESS, "Base": BASE, **schemas}
        },
    }


def saver(folder: pathlib.Path) -> Save:
    """Saves a content as JSON or, by the file's name, as YAML; gives the path."""

    def save(content: object, name: str = "api.json") -> str:
        path = folder / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif name.endswith("json"):
            path.write_text(json.dumps(content), encoding="utf-8")
        else:
            # As people write it: no quotes that are not needed.
            path.write_text(yaml.safe_dump(content).replace("'no'", "no"), encoding="utf-8")
        return str(path)

    return save


def only(path: str, pattern: Pattern | None = None, **values: str) -> dict[str, OpenApiResource]:
    """The resources of a file by name."""
    return {item.name: item for item in load(path).resources(pattern, values)}
