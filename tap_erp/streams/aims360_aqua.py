"""AIMS360's Aqua: a view of the ERP's grids, exported by a background job."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_vendors import schemas
from erp_vendors.aims360 import AIMS360, Aims360Client
from erp_vendors.aims360.aqua import AquaJob
from erp_vendors.errors import DataError, ErpError
from erp_vendors.http import codec
from erp_vendors.remembered import Remembered
from tap_erp.bookmark import Bookmark, fingerprint
from tap_erp.columns import learn
from tap_erp.learning import LearningStream
from tap_erp.stamps import earlier, from_iso, to_iso

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from erp_vendors.aims360.aqua import Export
    from erp_vendors.aims360.output import Output
    from erp_vendors.schemas import Schema
    from tap_erp.tap import TapErp

_ZONES = dt.timedelta(hours=14)
"""Grid dates carry no zone, and no clock on earth is further ahead of UTC."""


class AquaStream(LearningStream):
    """The rows of one entry of `aqua_exports`."""

    vendor = AIMS360.name

    def __init__(self, tap: TapErp, export: Export, *, discover: bool = False) -> None:
        """Make a stream.

        Args:
            tap: The tap.
            export: The entry.
            discover: Run the export now, to learn its columns.
        """
        schema = schemas.for_stream("aims360", "aqua", export.primary_keys, export.replication_key)
        self._output: Output | None = None
        if discover:
            client: Aims360Client = tap.client("aims360")
            try:
                self._output = client.aqua.read(export, None, lambda _: None)
                schema["properties"].update(columns_of(self._output))
            except ErpError as error:
                tap.logger.warning("aims360_aqua_%s: no columns learned: %s", export.name, error)
        super().__init__(
            tap,
            name=f"aims360_aqua_{export.name}",
            schema=schema,
            primary_keys=export.primary_keys,
            replication_key=export.replication_key,
        )
        self.export = export
        # A job can do its work again only for the same question.
        self._question = fingerprint(export.source, export.view, export.format)

    def sync(self, context: Context | None = None) -> None:  # type: ignore[misc]
        """Run the export before the SCHEMA message, which shall have its columns."""
        output = self._output or self._export()
        columns = columns_of(output)
        if columns:
            self.set_keys(
                [self._column(key, columns) for key in self.primary_keys],
                self.replication_key and self._column(self.replication_key, columns),
            )
            self.add_columns(columns)
        self._output = output
        super().sync(context)

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        """Emit the rows; those that an earlier run emitted are left out if there is a bookmark."""
        if self._output is None:
            msg = f"{self.name} has no output"
            raise RuntimeError(msg)
        bookmark = self._bookmark() if self.incremental else None
        done = Remembered()
        for row in self._output.rows(self.missed):
            missing = [key for key in self.primary_keys if row.get(key) is None]
            if missing:
                self.missed(f"a row has no {missing[0]}, which is its key")
            elif bookmark is None:
                yield row
            else:
                stamp = to_iso(row.get(self.replication_key or ""))
                mark = fingerprint(codec.encode(row))
                if mark not in done and bookmark.wants(stamp, mark):
                    yield row
                    done.put(mark)
                    bookmark.emitted(stamp, mark)
        self._output = None
        if bookmark is not None and not self.faults:
            self.save(bookmark.state, now=True)

    def _export(self) -> Output:
        client: Aims360Client = self.erp.client("aims360")
        state, job = self.stream_state, None
        if state.get("job") and state.get("question") == self._question:
            job = AquaJob(str(state["job"]), late=bool(state.get("late")))
        return client.aqua.read(self.export, job, self._remember)

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

    def _bookmark(self) -> Bookmark:
        lookback = dt.timedelta(seconds=int(self.config.get("lookback_seconds") or 0))
        latest = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None) + _ZONES

        def window(stamp: str) -> str:
            return earlier(from_iso(stamp), lookback).isoformat(timespec="microseconds")

        return Bookmark(
            self.stream_state,
            self.replication_key or "",
            floor=window,
            parse=to_iso,
            start=to_iso(self.config.get("start_date")),
            ceiling=latest.isoformat(timespec="microseconds"),
        )


def columns_of(output: Output) -> dict[str, Schema]:
    """The columns of an export; those without any value are text.

    Args:
        output: The export.
    """
    if output.columns:
        return {name: {"type": ["string", "null"]} for name in output.columns}
    found: Schema = {"properties": {}}
    learn(found, output.rows(lambda _: None))
    columns: dict[str, Schema] = found["properties"]
    return columns


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
