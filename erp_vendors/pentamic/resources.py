"""Pentamic's resources (pentamic.md 7): what is listed whole, and what is listed per parent."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.resource import Resource

_PARAMETER = re.compile(r"\{[^/{}]*\}")
_ASSUMED_KEYS = ("_customer_id", "id")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PentamicResource(Resource):
    """A list: one answer holds everything (pentamic.md 4.1).

    A path with a `{parameter}` is read once for each record of its parent.

    Attributes:
        parent: The parent's name; empty for the one that is listed at the path before the
            parameter.
        parent_key: Property that the parent's key is added as; empty for `_<parent>_id`, with the
            parent as the path spells it, in the singular.
    """

    parent: str = ""
    parent_key: str = ""

    @property
    def is_child(self) -> bool:
        """Whether it is read per record of a parent."""
        return "{" in self.path

    @property
    def assumed_keys(self) -> bool:
        """Whether the names of the keys are assumed; a site's records may not have them."""
        return self.primary_keys == _ASSUMED_KEYS

    @property
    def key(self) -> str:
        """Property that tells a record's children apart from another's."""
        return self.primary_keys[0] if self.primary_keys else "id"

    @property
    def parent_path(self) -> str:
        """Where the parent is listed, as far as this path says."""
        return self.path.partition("{")[0].rstrip("/")

    @property
    def parent_property(self) -> str:
        """Property that holds the parent's key."""
        segment = self.parent_path.rpartition("/")[2].lower()
        return self.parent_key or f"_{segment.removesuffix('s')}_id"

    def path_of(self, key: str) -> str:
        """The path for one parent.

        Args:
            key: The parent's key, percent-encoded.
        """
        return _PARAMETER.sub(lambda _: key, self.path)


RESOURCES: tuple[PentamicResource, ...] = (
    PentamicResource(
        name="customers",
        path="/customers",
        documented=True,
        primary_keys=("id",),
        write_path="/customers",
    ),
    PentamicResource(
        name="customer_invoices",
        path="/customers/{id}/invoices",
        documented=True,
        # The fields of an invoice are not public (8.2): an `id` of its own is assumed.
        primary_keys=_ASSUMED_KEYS,
        parent="customers",
        parent_key="_customer_id",
    ),
)


def custom(name: str, path: str) -> PentamicResource:
    """A custom resource from the settings.

    Args:
        name: Resource name.
        path: Path after the API root; with a `{parameter}` it is read per record of its parent.
    """
    return PentamicResource(name=name, path=f"/{path.strip('/')}")


def parent_of(
    resource: PentamicResource, resources: t.Mapping[str, PentamicResource]
) -> PentamicResource | None:
    """The resource whose records a child is read for.

    Args:
        resource: A resource.
        resources: All of them by name.

    Returns:
        The parent; None for a resource that is listed whole.

    Raises:
        ConfigError: If nothing is listed where the parent should be.
    """
    if not resource.is_child:
        return None
    parent = resources.get(resource.parent) or next(
        (other for other in resources.values() if other.path == resource.parent_path), None
    )
    if parent is None or parent.is_child or len(_PARAMETER.findall(resource.path)) > 1:
        msg = (
            f"pentamic.resources ({resource.name}): {resource.path} needs a resource that is "
            f"listed at {resource.parent_path}, and can have one {{parameter}} only"
        )
        raise ConfigError(msg)
    return parent
