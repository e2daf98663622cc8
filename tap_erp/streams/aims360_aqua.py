"""AIMS360's Aqua: a view of the ERP's grids, exported by a background job."""

from __future__ import annotations

import typing as t

from typing_extensions import override

from erp_vendors import schemas
from erp_vendors.aims360 import AIMS360, Aims360Client
from erp_vendors.aims360.aqua import AquaJob
from erp_vendors.aims360.resources import Aims360Resource
from erp_vendors.errors import DataError, ErpError
from erp_vendors.remembered import Remembered
from erp_vendors.stamps import AHEAD_OF_UTC, iso_now, to_iso
from tap_erp.bookmark import content_fingerprint, fingerprint
from tap_erp.columns import kinds_of, widened
from tap_erp.learning import stable_columns
from tap_erp.resource_stream import ResourceStream, discovers_columns

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from erp_vendors.aims360.aqua import Export
    from erp_vendors.aims360.output import Output
    from tap_erp.base import BaseTap
    from tap_erp.columns import Kinds


class AquaStream(ResourceStream[Aims360Resource, Aims360Client]):
    """The rows of one entry of `aqua_exports`."""

    vendor = AIMS360.name
    shows_deletions = True
    keys_setting = "aqua_exports"

    def __init__(self, tap: BaseTap, export: Export) -> None:
        keys, stamp = export.primary_keys, export.replication_key
        super().__init__(
            tap,
            Aims360Resource(name=f"aqua_{export.name}", primary_keys=keys, replication_key=stamp),
            schema=schemas.for_stream(self.vendor, "aqua", keys, stamp),
        )
        self.export = export
        # A later run may take the output of an unfinished job only if it wants the same export.
        self._question = fingerprint(export.source, export.view, export.format)
        self._output: Output | None = None
        if discovers_columns(tap, self.vendor):
            try:
                self._output = self.client.aqua.read(export, None, lambda _: None)
                stable = stable_columns(tap)
                for name, kinds in columns_of(self._output).items():
                    self.schema["properties"][name] = widened(None, kinds, stable=stable)
            except ErpError as error:
                self.logger.warning("%s: no columns learned: %s", self.name, error)

    @property
    @override
    def _setting_name(self) -> str:
        return self.export.name

    @override
    def prepare(self) -> None:
        """Run the export, so that the SCHEMA message has its columns."""
        output = self._output or self._export()
        columns = columns_of(output)
        if columns:
            self.set_keys(
                [self._column(key, columns) for key in self.primary_keys],
                self.replication_key and self._column(self.replication_key, columns),
            )
            self.add_columns(columns)
        self._output = output

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """The rows; with a bookmark, without those that an earlier run has emitted."""
        if self._output is None:
            msg = f"{self.name} has no output"
            raise RuntimeError(msg)
        # Grid dates carry no zone.
        bookmark = self.open_bookmark(iso_now(AHEAD_OF_UTC)) if self.incremental else None
        done = Remembered()
        for row in self._output.rows(self.missed):
            missing = [key for key in self.primary_keys if row.get(key) is None]
            if missing:
                self.missed(f"a row has no {missing[0]}, which is its key")
            elif bookmark is None:
                yield row
            else:
                stamp = to_iso(row.get(self.replication_key or ""))
                mark = content_fingerprint(row)
                if mark not in done and bookmark.wants(stamp, mark):
                    yield row
                    done.put(mark)
                    bookmark.emitted(stamp, mark)
        self._output = None

    def _export(self) -> Output:
        state, job = self.stream_state, None
        if state.get("job") and state.get("question") == self._question:
            job = AquaJob(str(state["job"]), late=bool(state.get("late")))
        return self.client.aqua.read(self.export, job, self._remember)

    def _remember(self, job: AquaJob | None) -> None:
        known = {"job": job and job.id, "late": bool(job and job.late)}
        self.save(lambda: {**known, "question": self._question}, now=True)

    def _column(self, name: str, columns: t.Collection[str]) -> str:
        """The column that the user means: captions have blanks that people leave out (11.2)."""
        if name in columns:
            return name
        alike = [column for column in columns if _plain(column) == _plain(name)]
        if len(alike) == 1:
            return alike[0]
        msg = f"{self.export.where}: the export has no column '{name}'; it has {', '.join(columns)}"
        raise DataError(msg)


def columns_of(output: Output) -> dict[str, Kinds]:
    """The columns of an export, with the types of their values; those without any are text."""
    if output.columns:
        return {name: {"string"} for name in output.columns}
    found = kinds_of(output.rows(lambda _: None))
    return {name: kinds or {"string"} for name, kinds in found.items()}


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
