"""Bookmarks that never pass a record which has not been emitted, and never emit one twice.

A bookmark is the stamp up to which everything is emitted. Vendors give many records one stamp, and
commit some with a stamp that is already past; so each run looks again at a window below the
bookmark, and the fingerprints of what was emitted from that window are kept in the state.
"""

from __future__ import annotations

import binascii
import hashlib
import typing as t

from erp_vendors.errors import DataError
from erp_vendors.http import codec
from erp_vendors.http.redact import redact

OVERLAP_LIMIT = 20_000
"""Fingerprints kept in the state. Above this none are kept, and the window is emitted again."""
_LENGTH = 11
_SHOWN = 40
_IN_URLS = bytes.maketrans(b"+/", b"-_")
_SLACK = 8_000
"""Fingerprints beyond these that may gather in memory before the oldest are dropped."""


def fingerprint(*parts: object) -> str:
    """A short text that stands for some content: keys, stamps or serialised records.

    Returns:
        11 characters; 64 bits, so that two of them never meet in practice.
    """
    texts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    code = hashlib.blake2b(b"\0".join((*texts, b"")), digest_size=8).digest()
    return binascii.b2a_base64(code, newline=False)[:_LENGTH].translate(_IN_URLS).decode()


def content_fingerprint(record: t.Mapping[str, t.Any]) -> str:
    """The fingerprint of all that a record holds."""
    return fingerprint(codec.encode(record))


class Bookmark:
    """The position of one stream, in memory and in the state.

    Attributes:
        value: The bookmark; None before the first record of the first run.
        since: Records with an older stamp are not for this run; None if all are.
    """

    def __init__(
        self,
        state: t.Mapping[str, t.Any],
        replication_key: str,
        *,
        floor: t.Callable[[t.Any], t.Any],
        parse: t.Callable[[t.Any], t.Any | None],
        start: t.Any | None = None,  # noqa: ANN401
        ceiling: t.Any | None = None,  # noqa: ANN401
    ) -> None:
        """Read the state.

        Stamps are epoch milliseconds or ISO text of one width: both compare in time order.

        Args:
            state: The stream's part of the state.
            replication_key: The stream's bookmark field; another one in the state voids it.
            floor: Gives the start of the window that belongs to a bookmark.
            parse: Reads a stamp, however it is written; None if it cannot be read.
            start: Stamp to begin at without a bookmark (`start_date`).
            ceiling: Stamp that the bookmark does not pass: a stamp in the future must not make
                the next run skip what comes before it.

        Raises:
            DataError: If the bookmark in the state is no stamp.
        """
        self._key = replication_key
        self._floor = floor
        self._ceiling = ceiling
        saved = None
        if state.get("replication_key") == replication_key:
            value = state.get("replication_key_value")
            saved = parse(value)
            if saved is None and value is not None:
                shown = redact.cut(str(value), _SHOWN)
                msg = (
                    f"the state's replication_key_value {shown!r} is no stamp; take the bookmark "
                    "out of the state to read everything again"
                )
                raise DataError(msg)
        self._saved = saved
        self.value: t.Any | None = saved
        self.since: t.Any | None = start if saved is None else floor(saved)
        self._held: t.Any | None = None
        self._known: set[str] = set()
        self._window: list[tuple[t.Any, str]] = []
        self._dropped: t.Any | None = None
        if saved is not None:
            for stamp, fingerprints in dict(state.get("overlap") or {}).items():
                at = parse(stamp)
                for text in fingerprints if at is not None else ():
                    self._known.add(text)
                    self.remember(at, text)

    def wants(self, stamp: t.Any | None, *fingerprints: str) -> bool:  # noqa: ANN401
        """Whether no earlier run has emitted a record.

        The bookmark does not know what this run has emitted; the stream has to.

        Args:
            stamp: The record's stamp; None if the vendor sent none.
            *fingerprints: The fingerprints that an earlier run may have kept of it.
        """
        if stamp is not None and self.since is not None and stamp < self.since:
            return False
        return self._known.isdisjoint(fingerprints)

    def emitted(self, stamp: t.Any | None, *fingerprints: str) -> None:  # noqa: ANN401
        """Note that a record was emitted: the bookmark moves to its stamp.

        Args:
            stamp: The record's stamp; None if the vendor sent none.
            *fingerprints: The fingerprints by which later runs know it.
        """
        if stamp is None:
            return
        for text in fingerprints:
            self.remember(stamp, text)
        if self.value is None or stamp > self.value:
            self.value = stamp

    def emitted_together(self, marks: t.Iterable[tuple[t.Any, str]]) -> None:
        """As `emitted`, for many records: stamp and fingerprint of each."""
        stamped = [(stamp, text) for stamp, text in marks if stamp is not None]
        self._keep(stamped)
        for stamp, _ in stamped:
            if self.value is None or stamp > self.value:
                self.value = stamp

    def remember(self, stamp: t.Any | None, text: str) -> None:  # noqa: ANN401
        """Let no later run emit the record that a fingerprint stands for.

        Args:
            stamp: The fingerprint is kept as long as this stamp lies in the window.
            text: The fingerprint.
        """
        if stamp is not None:
            self._keep([(stamp, text)])

    def _keep(self, marks: list[tuple[t.Any, str]]) -> None:
        self._window += marks
        if len(self._window) > OVERLAP_LIMIT + _SLACK:
            # The state keeps no fingerprints of a window with more than the limit. So the newest
            # are enough to tell whether the window has more.
            window = sorted(self._window)
            newest = window[-OVERLAP_LIMIT - 1][0]
            self._dropped = newest if self._dropped is None else max(self._dropped, newest)
            self._window = window[-OVERLAP_LIMIT:]

    def forget(self, text: str) -> None:
        """Drop a fingerprint: this run has met its record again with other content."""
        self._window = [item for item in self._window if item[1] != text]

    def hold(self, stamp: t.Any | None) -> None:  # noqa: ANN401
        """Keep the bookmark before a record that could not be read.

        Args:
            stamp: The record's stamp; None if the vendor sent none: each run reads such records.
        """
        if stamp is None:
            return
        if self._saved is not None and stamp < self._saved:
            stamp = self._saved  # the next run finds the record in the window below this stamp
        if self._held is None or stamp < self._held:
            self._held = stamp

    def release(self, upto: t.Any | None) -> None:  # noqa: ANN401
        """End what `hold` has begun, because all records that were listed have been asked for.

        The bookmark moves to the newest stamp up to the last listed one. A record may also come
        with a newer stamp than that; the bookmark must not move there, because the records between
        the two stamps were not listed.

        Args:
            upto: The last stamp that was listed; None if nothing was.
        """
        self._held = None
        if self.value is not None and upto is not None:
            seen = [stamp for stamp, _ in self._window if stamp <= upto]
            if self._dropped is not None and self._dropped <= upto:
                seen.append(self._dropped)
            self.value = max(self.value, *seen) if seen else self.value

    def state(self) -> dict[str, t.Any]:
        """The stream's part of the state; empty before the first record."""
        value = self._capped()
        if value is None:
            return {}
        # A copy, because a signal handler may call this while the stream adds to the window.
        oldest = self._floor(value)
        window = sorted({item for item in tuple(self._window) if item[0] >= oldest})
        complete = self._dropped is None or self._dropped < oldest
        overlap: dict[str, list[str]] = {}
        if complete and len(window) <= OVERLAP_LIMIT:
            for stamp, text in window:
                overlap.setdefault(str(stamp), []).append(text)
        return {
            "replication_key": self._key,
            "replication_key_value": value,
            "overlap": overlap,
        }

    def _capped(self) -> t.Any | None:  # noqa: ANN401
        limits = [limit for limit in (self.value, self._held, self._ceiling) if limit is not None]
        return min(limits) if self.value is not None else None
