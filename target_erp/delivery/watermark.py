"""The place in the input up to which everything is settled: STATE depends on this alone."""

from __future__ import annotations

import collections
import threading


class Watermark:
    """Gives out numbers and knows up to which one all are settled; safe to use from many threads.

    A number is open as long as something is held under it. Whoever holds something settles it,
    exactly once. Memory is needed for open numbers only.
    """

    def __init__(self) -> None:
        self._held: collections.OrderedDict[int, int] = collections.OrderedDict()
        self._latest = 0
        self._lock = threading.Lock()

    def issue(self) -> int:
        """Give out the next number (1, 2, …), with one thing held under it."""
        with self._lock:
            self._latest += 1
            self._held[self._latest] = 1
            return self._latest

    def hold(self, number: int) -> None:
        """Hold one more thing under a number.

        Args:
            number: An open number, or one that is greater than all before it.

        Raises:
            ValueError: If all of it is settled: what STATE has passed cannot be opened again.
        """
        with self._lock:
            if number in self._held:
                self._held[number] += 1
            elif number > self._latest:
                self._latest = number
                self._held[number] = 1
            else:
                msg = f"number {number} is settled already"
                raise ValueError(msg)

    def settle(self, number: int) -> None:
        """Settle one thing that is held under a number.

        Args:
            number: The number.

        Raises:
            ValueError: If nothing is held under it.
        """
        with self._lock:
            left = self._held.get(number, 0) - 1
            if left > 0:
                self._held[number] = left
            elif left == 0:
                del self._held[number]
            else:
                msg = f"number {number} is settled twice"
                raise ValueError(msg)

    @property
    def settled(self) -> int:
        """Every number up to this one is settled."""
        with self._lock:
            return next(iter(self._held)) - 1 if self._held else self._latest
