"""Up to which record of the input everything is settled."""

from __future__ import annotations

import collections
import threading


class Watermark:
    """Numbers the records of the input, and knows up to which number all are settled.

    A number is open from `issue` until each thing that was held under it is settled. Memory is
    kept for open numbers only. Safe to use from many threads.
    """

    def __init__(self) -> None:
        """No number is given out yet."""
        # Numbers are given out in ascending order, so the first one is the lowest.
        self._open: collections.OrderedDict[int, int] = collections.OrderedDict()
        self._latest = 0
        self._lock = threading.Lock()

    def issue(self) -> int:
        """Give out the next number, which is open until it is settled.

        Returns:
            1, 2, and so on.
        """
        with self._lock:
            self._latest += 1
            self._open[self._latest] = 1
            return self._latest

    def hold(self, number: int) -> None:
        """Let one more thing settle under a number, such as a record sent with a child record.

        Args:
            number: A number that is open.

        Raises:
            ValueError: If it is not open.
        """
        with self._lock:
            self._open[number] = self._holders(number) + 1

    def settle(self, number: int) -> None:
        """One thing under a number has come to its end.

        Args:
            number: A number that is open.

        Raises:
            ValueError: If it is not open: more is settled than was held.
        """
        with self._lock:
            left = self._holders(number) - 1
            if left:
                self._open[number] = left
            else:
                del self._open[number]

    @property
    def settled(self) -> int:
        """All numbers up to this one are settled; 0 if the first one is open."""
        with self._lock:
            return next(iter(self._open)) - 1 if self._open else self._latest

    def _holders(self, number: int) -> int:
        holders = self._open.get(number)
        if holders is None:
            msg = f"number {number} is not open: it was never given out, or is settled already"
            raise ValueError(msg)
        return holders
