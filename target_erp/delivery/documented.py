"""What documents know of a sink's records: names, types, and where they stand."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_vendors import schemas

if t.TYPE_CHECKING:
    from erp_vendors.resource import Need, Resource

    Schema = t.Mapping[str, t.Any]

ASSUMED = "(INF,"
"""Mark of a property that no document of the vendor states, in its description."""
_EPOCH = "epoch milliseconds"
"""Mark of a moment that is sent as a number, in the description of its property."""


@dataclasses.dataclass(frozen=True, slots=True)
class Documented:
    """What documents know of the records that a sink takes.

    Attributes:
        schema: JSON schema of what is written.
        given: Schema of the settings `resources` or `openapi`, if there is one beside it.
        read: Schemas of what is read; some of it comes back when a record is written again.
        names: Further properties: keys, and what a write needs.
        aliases: What a property is called when it is read, and when it is written.
        scalars: A scalar may be of any scalar type, because the types are assumed.
        keys: Properties that identify a record together; several tuples are alternatives.
        needs: What a new record must carry beyond the `required` of the schema.
        references: Properties that name a record of another sink, each with that sink and the
            property that identifies it there.
        left_out: Properties that are never sent, though the schema has them; those that stand
            inside of another one behind its name and a dot.
    """

    schema: Schema = dataclasses.field(default_factory=dict)
    given: Schema | None = None
    read: tuple[Schema, ...] = ()
    names: frozenset[str] = frozenset()
    aliases: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    scalars: bool = False
    keys: tuple[tuple[str, ...], ...] = ()
    needs: tuple[Need, ...] = ()
    references: t.Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        vendor: str,
        resource: Resource,
        *,
        keys: tuple[tuple[str, ...], ...],
        names: t.Iterable[str] = (),
        scalars: bool = False,
        left_out: frozenset[str] = frozenset(),
    ) -> Documented:
        """What is known of a resource.

        Args:
            vendor: Vendor block name.
            resource: What is written.
            keys: See the class.
            names: Further properties that are known.
            scalars: See the class; only for what `schemas/` says.
            left_out: See the class.
        """
        schema, packaged = write_schema(vendor, resource)
        needed = (name for need in resource.needs for name in (*need.names, need.when) if name)
        stamp = (resource.replication_key,) if resource.replication_key else ()
        return cls(
            schema,
            resource.schema,
            (schemas.load(vendor, resource.name), schemas.load(vendor, f"write/{resource.name}")),
            frozenset(
                {
                    *(name for alternative in keys for name in alternative),
                    *(*resource.primary_keys, *stamp, *needed, *resource.references),
                    *(*names, *(name for name in left_out if "." not in name)),
                }
            ),
            scalars=scalars and packaged,
            keys=keys,
            needs=resource.needs,
            references={
                name: (f"{vendor}_{parent}", key)
                for name, (parent, key) in resource.references.items()
            },
            left_out=left_out,
        )

    @property
    def known(self) -> frozenset[str]:
        """The names of all properties that stand anywhere in the documents."""
        every = (self.schema, self.given or {}, *self.read)
        return self.names.union(*(schema.get("properties", {}) for schema in every))

    def takes(self, name: str, *, unknown: bool) -> bool:
        """Whether what the vendor shows of a property may be sent back.

        Args:
            name: The property.
            unknown: Whether one may that no document names.
        """
        schemas_of_writing = (self.schema, self.given or {})
        if name in self.left_out:
            return False
        if any(name in schema.get("properties", {}) for schema in schemas_of_writing):
            return True
        return unknown and not any(name in one.get("properties", {}) for one in self.read)


def write_schema(vendor: str, resource: Resource) -> tuple[Schema, bool]:
    """The schema by which a write is checked.

    It is that of the vendor's OpenAPI file, else the one of `schemas/`, else the `schema` of a
    custom resource.

    Args:
        vendor: Vendor block name.
        resource: What is written.

    Returns:
        The schema, and whether it is the one of `schemas/`.
    """
    if resource.write_schema is not None:
        return resource.write_schema, False
    packaged = schemas.load(vendor, f"write/{resource.name}")
    known = bool(packaged["properties"])
    return (packaged, True) if known or resource.schema is None else (resource.schema, False)


def kinds_of(schema: Schema) -> frozenset[str]:
    """The JSON types that a property may have, null apart; none if its schema names none.

    Args:
        schema: The schema of the property.
    """
    kinds = schema.get("type", ())
    return frozenset([kinds] if isinstance(kinds, str) else kinds) - {"null"}


def is_assumed(schema: Schema) -> bool:
    """Whether no document states a property.

    Args:
        schema: The schema of the property.
    """
    return ASSUMED in str(schema.get("description", ""))


def is_epoch(schema: Schema) -> bool:
    """Whether a property holds a moment in milliseconds since 1970.

    Args:
        schema: The schema of the property.
    """
    return "integer" in kinds_of(schema) and _EPOCH in str(schema.get("description", "")).lower()
