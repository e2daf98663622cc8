"""What every vendor's resource has in common, and how the user's settings change it."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    from erp_vendors.settings import Block


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One entity of a vendor: how it is read, and how it is written.

    Attributes:
        name: Resource name; the stream is `<vendor>_<name>`.
        path: Path it is read at; empty when it cannot be read.
        primary_keys: Properties that identify a record.
        replication_key: Property that says when a record changed, or None.
        documented: The vendor's documents name the path; otherwise it is a guess (INF), and a
            site without it is no failure.
        write_path: Path it is written at, or None when it cannot be written.
        schema: JSON schema from the settings, which replaces the file's.
    """

    name: str
    path: str = ""
    primary_keys: tuple[str, ...] = ()
    replication_key: str | None = None
    documented: bool = False
    write_path: str | None = None
    schema: t.Mapping[str, t.Any] | None = None


AnyResource = t.TypeVar("AnyResource", bound=Resource)


def configured(
    block: Block, builtin: t.Iterable[AnyResource], make: t.Callable[[str, str], AnyResource]
) -> dict[str, AnyResource]:
    """Apply the `resources` setting: overrides of built-in resources, and custom ones.

    Args:
        block: The vendor block.
        builtin: The vendor's table.
        make: Makes a custom resource of the vendor's pattern from a name and a path.

    Returns:
        All resources by name.

    Raises:
        ConfigError: If an entry cannot be understood; the message names it.
    """
    resources = {resource.name: resource for resource in builtin}
    for index, entry in enumerate(block.get("resources") or ()):
        where = f"{block.vendor}.resources[{index}]"
        name = str(entry["name"]).removeprefix(f"{block.vendor}_")
        base = resources.get(name)
        if base is None:
            if not entry.get("path") and not entry.get("write_path"):
                msg = f"{where} ({name}): a custom resource needs a path or a write_path"
                raise ConfigError(msg)
            base = make(name, entry.get("path", ""))
        resources[name] = _overridden(base, entry)
    return resources


def _overridden(base: AnyResource, entry: t.Mapping[str, t.Any]) -> AnyResource:
    changes: dict[str, t.Any] = {
        key: entry[key]
        for key in ("path", "replication_key", "write_path", "schema")
        if key in entry
    }
    if "primary_keys" in entry:
        changes["primary_keys"] = tuple(entry["primary_keys"])
    if "path" in changes:
        # What the user states is no guess: a site without it is a failure.
        changes["documented"] = True
    return dataclasses.replace(base, **changes)
