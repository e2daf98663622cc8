"""The settings `resources` and `openapi`, which change a vendor's table of resources."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

import jsonschema_rs

from erp_vendors.errors import ConfigError
from erp_vendors.openapi.matching import Matcher, without_null_keys
from erp_vendors.success import shapes_of

if t.TYPE_CHECKING:
    from erp_vendors.resource import AnyResource
    from erp_vendors.settings import Block

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def configured(
    block: Block,
    builtin: t.Iterable[AnyResource],
    make: t.Callable[[str, str], AnyResource],
    *,
    sinks: t.Collection[str] = (),
) -> dict[str, AnyResource]:
    """Apply the settings `openapi` and `resources` to a vendor's table.

    An entry of `resources` outranks the OpenAPI file, which outranks the table and `schemas/`.

    Args:
        block: The vendor block.
        builtin: The vendor's table.
        make: Makes a custom resource of the vendor's pattern from a name and a path.
        sinks: Names of built-in sinks that the table lacks; an entry may name them without a path.

    Returns:
        All resources by name; those of `sinks` that an entry names have no path.

    Raises:
        ConfigError: If an entry or the file cannot be understood; the message names it.
    """
    resources = {resource.name: resource for resource in builtin}
    has_parameters = any("{" in resource.path for resource in resources.values())
    entries = list(_entries(block, parameters=has_parameters))
    slash = make("x", "x").path.startswith("/")
    exact: set[str] = set()
    if block.knows("openapi") and block.get("openapi"):
        spell = functools.partial(_slashed, slash=slash)
        given = [entry for _, entry in entries]
        exact = Matcher(block, resources, given, make, spell).apply()
    for where, entry in entries:
        name = entry["name"]
        base = resources.get(name)
        if base is None:
            pathless = not entry.get("path") and not entry.get("write_path")
            if pathless and not (name in sinks and {"success", "primary_keys"} & entry.keys()):
                msg = f"{where} ({name}): a custom resource needs a path or a write_path"
                raise ConfigError(msg)
            base = make(name, entry.get("path", ""))
            if not entry.get("path"):
                base = dataclasses.replace(base, path="")
        resources[name] = _overridden(base, entry, slash=slash)
    for name in exact - {entry["name"] for _, entry in entries if "schema" in entry}:
        resources[name] = without_null_keys(resources[name])
    return resources


def _entries(block: Block, *, parameters: bool) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Check the entries of `resources`; yields each with a bare name, and how messages call it."""
    seen: dict[str, str] = {}
    for index, given in enumerate(block.get("resources") or ()):
        where = f"{block.vendor}.resources[{index}]"
        entry = {**given, "name": str(given["name"]).removeprefix(f"{block.vendor}_")}
        name = entry["name"]
        problem = None
        if not _NAME.fullmatch(name):
            problem = "a name is made of letters, digits and _, and begins with a letter"
        elif name in seen:
            problem = f"{seen[name]} has the same name"
        else:
            problem = _problem(entry, parameters=parameters)
        if problem:
            msg = f"{where} ({name}): {problem}"
            raise ConfigError(msg)
        seen[name] = where
        yield where, entry


def _problem(entry: t.Mapping[str, t.Any], *, parameters: bool) -> str | None:
    """What is wrong with an entry, beyond what the config schema checks."""
    for key in ("path", "write_path"):
        path = entry.get(key) or ""
        if re.search(r"[\s\\#]", path):
            return f"{key} '{path}' holds a space, a backslash or a #"
        if "{" in path and not (parameters and key == "path"):
            return f"{key} '{path}' has a {{parameter}}, which nothing could fill in"
    keys = entry.get("primary_keys") or ()
    if len(set(keys)) < len(keys) or "" in keys:
        return "primary_keys holds an empty name, or one twice"
    schema = entry.get("schema")
    return None if schema is None else _schema_problem(schema)


def _schema_problem(schema: t.Mapping[str, t.Any]) -> str | None:
    kinds = schema.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        return "schema must be of type object: it describes a record"
    if schema and "properties" not in schema and "type" not in schema:
        return "schema has no 'properties'; the properties of a record go in there"
    try:
        jsonschema_rs.meta.validate(dict(schema))
    except ValueError as error:
        place = ".".join(map(str, getattr(error, "instance_path", ()))) or "it"
        return f"schema is no JSON schema: {place}: {getattr(error, 'message', error)}"
    return None


def _overridden(base: AnyResource, entry: t.Mapping[str, t.Any], *, slash: bool) -> AnyResource:
    changes: dict[str, t.Any] = {"schema": entry["schema"]} if "schema" in entry else {}
    if "replication_key" in entry:
        changes["replication_key"] = entry["replication_key"] or None
    for key in ("path", "write_path"):
        if key in entry:
            # Users write a path with or without its first slash; the vendor's table has one way.
            changes[key] = _slashed(str(entry[key]), slash=slash)
    if "primary_keys" in entry:
        changes["primary_keys"] = tuple(entry["primary_keys"])
    for key in ("may_be_empty", "rows_in"):
        if key in entry:
            changes[key] = entry[key]
    if "success" in entry:
        changes["success"] = shapes_of(entry["success"])
    if "path" in changes:
        # What the user states is no guess: a site without it is a failure.
        changes["documented"] = True
    return dataclasses.replace(base, **changes)


def _slashed(path: str, *, slash: bool) -> str:
    if not path or "://" in path:
        return path
    return f"/{path.strip('/')}" if slash else path.strip("/")
