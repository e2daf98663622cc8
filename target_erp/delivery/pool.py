"""Worker threads: as many for each vendor as it takes calls at once."""

from __future__ import annotations

import queue
import threading
import typing as t

if t.TYPE_CHECKING:
    from target_erp.delivery.writer import Writer

Task = t.TypeVar("Task")


class Pool(t.Generic[Task]):
    """Works through tasks, each in one of its vendor's threads."""

    def __init__(self, work: t.Callable[[Task], None], idle: t.Callable[[], None]) -> None:
        """Make a pool without threads.

        Args:
            work: Does a task; it must not raise.
            idle: Called by a thread that finds no task, before it waits; it must not raise.
        """
        self._work = work
        self._idle = idle
        self._queues: dict[str, queue.SimpleQueue[Task | None]] = {}
        self._threads: dict[str, int] = {}

    def put(self, writer: Writer, task: Task) -> None:
        """Have a task done.

        Args:
            writer: Its sink, whose vendor's threads do it.
            task: The task.
        """
        tasks = self._queues.get(writer.vendor)
        if tasks is None:
            tasks = self._queues[writer.vendor] = queue.SimpleQueue()
            self._threads[writer.vendor] = writer.workers
            for _ in range(writer.workers):
                # Daemon threads: a failed run must not wait for a vendor that does not answer.
                threading.Thread(target=self._run, args=(tasks,), daemon=True).start()
        tasks.put(task)

    def close(self) -> None:
        """Let the threads end as soon as they find no task; nothing may be put any more."""
        for vendor, tasks in self._queues.items():
            for _ in range(self._threads[vendor]):
                tasks.put(None)

    def _run(self, tasks: queue.SimpleQueue[Task | None]) -> None:
        while True:
            try:
                task = tasks.get_nowait()
            except queue.Empty:
                self._idle()
                task = tasks.get()
            if task is None:
                return
            self._work(task)
