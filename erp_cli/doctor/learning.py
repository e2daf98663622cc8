"""Learns key, bookmark and columns of what no document describes, from the samples."""

from __future__ import annotations

import typing as t

from erp_cli.doctor.columns import is_unique, schema_of, stamp_columns, unique_columns
from erp_cli.doctor.examiner import Access

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import Examiner, ResourceSample


def learn(
    examiner: Examiner[t.Any],
    sample: ResourceSample,
    learned: dict[str, t.Mapping[str, t.Any]],
    notes: dict[str, str],
) -> None:
    """Make an entry of `resources` from a sample, if no document describes the resource.

    What the settings say of it already is left out.

    Args:
        examiner: The vendor's examiner.
        sample: The sample.
        learned: Gets the entry, by resource.
        notes: Gets one line on how it was come by.
    """
    resource, rows = sample.resource, sample.rows
    if sample.access is not Access.READ or not rows or examiner.is_described(resource):
        return
    entry: dict[str, t.Any] = {}
    keys = resource.primary_keys
    proof = []
    if len(rows) == 1:
        proof.append("one row tells nothing of a key")
    elif keys and is_unique(rows, keys):
        proof.append(f"{' + '.join(keys)} is unique in {len(rows)} rows")
    else:
        unique = unique_columns(rows)
        if unique:
            keys = (unique[0],)
            entry["primary_keys"] = [unique[0]]
            others = f" (so are {', '.join(unique[1:4])})" if unique[1:] else ""
            proof.append(f"{unique[0]} is unique in {len(rows)} rows{others}")
        else:
            proof.append(f"no column is unique in {len(rows)} rows")
    stamps = stamp_columns(rows, epoch=examiner.epoch_stamps)
    present = resource.replication_key and any(
        row.get(resource.replication_key) is not None for row in rows
    )
    named = next((stamp for stamp in stamps if stamp.named_so), None)
    if present:
        proof.append(f"{resource.replication_key} says when a row changed")
    elif named is not None:
        entry["replication_key"] = named.column
        proof.append(f"{named.column} says when a row changed (newest: {named.newest})")
    elif stamps:
        names = ", ".join(stamp.column for stamp in stamps[:3])
        proof.append(f"{names} may say when a row changed")
    if resource.schema is None:
        entry["schema"] = schema_of(rows, keys)
    learned[resource.name] = entry
    notes[resource.name] = "; ".join(proof)
