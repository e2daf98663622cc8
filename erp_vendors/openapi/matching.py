"""Matches what an OpenAPI file describes with a vendor's resources, by path."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import re
import typing as t

from erp_vendors.openapi.document import load
from erp_vendors.openapi.paths import normalise, numbered, snake
from erp_vendors.openapi.pattern import Pattern
from erp_vendors.resource import AnyResource
from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from erp_vendors.openapi.operations import OpenApiResource
    from erp_vendors.settings import Block


class Matcher(t.Generic[AnyResource]):
    """Applies the user's OpenAPI file to a vendor's table of resources."""

    def __init__(
        self,
        block: Block,
        resources: dict[str, AnyResource],
        entries: t.Iterable[t.Mapping[str, t.Any]],
        make: t.Callable[[str, str], AnyResource],
        spell: t.Callable[[str], str],
    ) -> None:
        """Note what is read and written where.

        Args:
            block: The vendor block.
            resources: The vendor's table; `apply` changes it.
            entries: The entries of the setting `resources`, with bare names.
            make: Makes a custom resource of the vendor's pattern from a name and a path.
            spell: Writes a path with or without its first slash, as the vendor's table does.
        """
        self._block = block
        self._resources = resources
        self._make = make
        self._spell = spell
        self._reads: dict[str, str] = {}
        self._writes: dict[str, str] = {}
        self._guesses: dict[str, str] = {}
        for resource in resources.values():
            for path in filter(None, resource.paths):
                self._reads.setdefault(_bare(path), resource.name)
                if not resource.documented:
                    # The file may spell in its own way what is only guessed.
                    for guess in (resource.name, snake(path.rpartition("/")[2])):
                        self._guesses.setdefault(guess, resource.name)
            # An empty one means: where it is read.
            written = resource.paths if resource.write_path == "" else (resource.write_path,)
            for path in filter(None, written):
                self._writes.setdefault(_bare(path), resource.name)
        self._names: set[str] = set()
        self._claimed: set[str] = set()
        self._taken: set[str] = set()
        for entry in entries:
            for key, names in (("path", self._reads), ("write_path", self._writes)):
                if entry.get(key):
                    names[_bare(entry[key])] = entry["name"]
                    self._claimed.add(_bare(entry[key]))
                    self._taken.add(entry["name"])

    def apply(self) -> set[str]:
        """Change the resources that the file describes, and add the others.

        Returns:
            Names of the resources whose schema comes from the file.

        Raises:
            ConfigError: If the file cannot be read, or is no OpenAPI or Swagger document.
        """
        vendor = VENDORS.get(self._block.vendor)
        pattern = vendor.openapi if vendor else Pattern()
        names = re.findall(r"\{(\w+)\}", pattern.prefix)
        values = {name: str(self._block.get(name)) for name in names if self._block.given(name)}
        document = load(self._block.get("openapi"), f"{self._block.vendor}.openapi")
        # A path from `resources` outranks the table's own for the same resource. What is read for
        # each record of a list comes after that.
        found = sorted(
            document.resources(pattern, values),
            key=lambda item: ("{" in item.path, _bare(item.path) in self._claimed),
        )
        self._names = {item.name for item in found}
        self._read = {self._reads.get(_bare(item.path)) for item in found if item.path}
        self._written = {self._writes.get(_bare(item.write_path or "")) for item in found}
        exact = set()
        for item in found:
            name = self._apply(item)
            if name and item.schema is not None:
                exact.add(name)
        return exact

    def _apply(self, item: OpenApiResource) -> str | None:
        """Apply one of the file's resources; returns the resource whose rows the file describes."""
        reader = self._reader(item)
        if reader:
            self._reads[_bare(item.path)] = reader
            self._resources[reader] = self._exact(self._resources.get(reader), reader, item)
        if item.write_path is None or item.write_schema is None:
            return reader
        writer = self._writes.get(_bare(item.write_path))
        # Nothing is created where there is no POST.
        if writer is None and item.creates and (reader is None or reader not in self._written):
            writer = reader or self._free_name(item)
        if writer:
            base = self._resources.get(writer)
            if base is None:
                base = dataclasses.replace(self._make(writer, item.write_path), path="")
            changes: dict[str, t.Any] = {
                "write_schema": item.write_schema,
                "answer_schema": item.answer_schema,
            }
            if self._writes.get(_bare(item.write_path)) != writer or base.write_path is None:
                changes["write_path"] = self._spell(item.write_path)
            if item.list_name and hasattr(base, "list_name"):
                changes["list_name"] = item.list_name
            self._resources[writer] = dataclasses.replace(base, **changes)
        return reader

    def _reader(self, item: OpenApiResource) -> str | None:
        if not item.path:
            return None
        name = self._reads.get(_bare(item.path))
        if name in self._resources or (name and item.readable):
            return name
        if not item.readable:
            return None
        guess = self._guesses.get(item.name)
        if guess is None or guess in self._read:
            return self._free_name(item)
        self._read.add(guess)
        return guess

    def _free_name(self, item: OpenApiResource) -> str:
        """The name that the file gives it; longer, or with a number, where something else has it.

        Names that the file gives to others are not taken.
        """
        others = {*self._resources, *self._taken, *(self._names - {item.name})}
        names = itertools.chain((item.name,), numbered(item.full_name))
        return next(name for name in names if name not in others)

    def _exact(self, base: AnyResource | None, name: str, item: OpenApiResource) -> AnyResource:
        changes: dict[str, t.Any] = {}
        path = self._below_its_parent(item.path)
        if base is None:
            base = self._make(name, path)
            changes["primary_keys"] = item.primary_keys or base.primary_keys
            changes["replication_key"] = item.replication_key or base.replication_key
        if not base.documented and item.readable:
            # A path that stands in the vendor's file is not guessed.
            changes["path"] = self._spell(path)
            changes["documented"] = True
        if item.schema is not None:
            changes["schema"] = item.schema
        return dataclasses.replace(base, **changes)

    def _below_its_parent(self, path: str) -> str:
        """A path with a parameter, where what comes before that is spelled as the parent's path."""
        before, brace, rest = path.partition("{")
        parent = self._resources.get(self._reads.get(_bare(before), ""))
        return f"{parent.path.rstrip('/')}/{brace}{rest}" if brace and parent else path


def _bare(path: str) -> str:
    return normalise(path.partition("?")[0])


def without_null_keys(resource: AnyResource) -> AnyResource:
    """The resource with a schema in which its keys cannot be null.

    Args:
        resource: A resource with a schema.
    """
    schema = copy.deepcopy(dict(resource.schema or {}))
    for key in resource.primary_keys:
        kinds = schema.get("properties", {}).get(key, {}).get("type")
        if isinstance(kinds, list):
            kinds = [kind for kind in kinds if kind != "null"]
            schema["properties"][key]["type"] = kinds if len(kinds) > 1 else kinds[0]
    return dataclasses.replace(resource, schema=schema)
