"""Records that were submitted and are not looked up in the ledger yet.

Several are looked up together, because one query for many costs little more than one for one.
"""

from __future__ import annotations

import collections
import threading
import time
import typing as t

Item = t.TypeVar("Item")

_SECONDS = 0.1
"""About how long a record waits for others to be looked up with."""


class Intake(t.Generic[Item]):
    """Takes records from one thread; a thread of its own empties it should the input pause."""

    def __init__(self, empty: t.Callable[[], None]) -> None:
        """Make an empty intake.

        Args:
            empty: Takes out what is there; it must not raise.
        """
        self._empty = empty
        # A deque is filled and emptied by two threads without a lock.
        self._items: collections.deque[Item] = collections.deque()
        self._arrived = threading.Event()
        self._sweeper: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Take a record."""
        if not self._items:
            if self._sweeper is None:
                # Daemon: it waits for ever.
                self._sweeper = threading.Thread(target=self._sweep, daemon=True)
                self._sweeper.start()
            self._arrived.set()
        self._items.append(item)

    def take(self) -> t.Iterator[Item]:
        """Give what has come, in its order; only under the lock of those who take."""
        for _ in range(len(self._items)):
            yield self._items.popleft()

    def close(self) -> None:
        """Let the thread end; nothing may be put any more."""
        self._closed = True
        self._arrived.set()

    def _sweep(self) -> None:
        while self._arrived.wait() and not self._closed:
            self._arrived.clear()
            time.sleep(_SECONDS)
            self._empty()
