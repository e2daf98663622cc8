"""What the suite must be told about an API and the target that writes to it."""

from __future__ import annotations

import abc
import importlib
import re
import subprocess
import typing as t

if t.TYPE_CHECKING:
    import pathlib

    from .book import Book, Row
    from .wire import Reply, Request


USUAL_UMASK = 0o022
"""What a file may be read by if nobody says otherwise: all users of the machine."""


class Process(t.Protocol):
    """A process of the target; `subprocess.Popen` is one."""

    pid: int

    @property
    def stdin(self) -> t.IO[bytes] | None:
        """Takes its input."""

    @property
    def stdout(self) -> t.IO[bytes] | None:
        """Gives its output."""

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""


class Adapter(abc.ABC):
    """An API, a target that writes to it, and records for it.

    Attributes:
        stream: Stream in the input.
        key: Property that identifies a record, a text.
        text: Property that takes any text, and is overwritten by an update.
        number: Property that takes any number.
        spare: Property that may be null or absent.
        updates: A record that is there can be changed by sending it again.
        per_call: Largest number of records in a write call.
        login: Regular expression for the paths of logins.
        success: Bodies of a 2xx answer that may mean success at this API; the tests do not use
            them as answers that mean none.
        read_ahead: Records that the target may have taken at most while the API answers nothing.
        gives_up_after: Runs in which the API fails with the same record while it takes others,
            after which the target reports the record.
        batches: The target reads the files that BATCH messages name.
        deletes: The target can delete; see `let_delete`.
        modes: What it can be told to leave alone, of `create_only` and `update_only`; see
            `use_mode`.
        conflicts: It can keep what somebody else has changed; see `refuse_conflicts`.
        plans: It can make a plan, and write what is in an approved one; see `make_plan`.
        ok, rejected, failed: Exit codes of the target: everything is written; finished, but records
            were rejected; the run failed.
    """

    stream: str
    key: str
    text: str
    number: str
    spare: str
    updates: bool = True
    per_call: int = 1
    login: str = "^$"
    success: tuple[str, ...] = ()
    read_ahead: int = 5_000
    gives_up_after: int = 3
    batches: bool = False
    deletes: bool = False
    modes: tuple[str, ...] = ()
    conflicts: bool = False
    plans: bool = False
    ok: int = 0
    rejected: int = 3
    failed: int = 1

    # The API: runs in the server's process.

    @abc.abstractmethod
    def answer(self, request: Request, book: Book) -> Reply:
        """Do what the API does: commit to the book, or read from it, and answer.

        Args:
            request: A request.
            book: What is committed so far; `book.refuses` says which rows must be refused.
        """

    def edit(self, key: str, changes: Row, book: Book) -> None:
        """Do what the API does when a person changes a record in the vendor's own program.

        Args:
            key: The record's key.
            changes: Properties and their new values.
            book: What is committed so far.
        """
        book.edit(key, changes)

    def kind(self, request: Request) -> str:
        """What a request is.

        Returns:
            write, read or login.
        """
        if re.search(self.login, request.path):
            return "login"
        return "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"

    # The target: runs in the test's process.

    @abc.abstractmethod
    def command(self, url: str, folder: pathlib.Path) -> list[str]:
        """The command that runs the target, once its configuration is written.

        Args:
            url: Address of the server, without a slash at the end.
            folder: Where configuration, ledger and the like may live; the same one for runs that
                continue each other.
        """

    def start(self, url: str, folder: pathlib.Path, stderr: t.IO[bytes]) -> Process:
        """Start the target (default: its command), in a session of its own.

        Args:
            url: As for `command`.
            folder: As for `command`; it is the target's current directory.
            stderr: File that its stderr goes to.
        """
        return subprocess.Popen(
            self.command(url, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=folder,
            start_new_session=True,
            umask=USUAL_UMASK,
        )

    @abc.abstractmethod
    def reported(self, folder: pathlib.Path) -> list[str]:
        """Keys of the records that the target has reported as rejected or as unknown.

        Args:
            folder: As for `command`.
        """

    def report_files(self, folder: pathlib.Path) -> list[pathlib.Path]:  # noqa: ARG002
        """Files of lines to which the target appends what it reports (default: none).

        Args:
            folder: As for `command`.
        """
        return []

    def let_delete(self) -> None:  # noqa: B027 - most targets cannot
        """From the next run on, the target deletes what ACTIVATE_VERSION says is gone."""

    def use_mode(self, mode: str) -> None:  # noqa: B027 - optional, as all of these
        """From the next run on, the target only creates records, or only updates them.

        Args:
            mode: One of `modes`.
        """

    def refuse_conflicts(self) -> None:  # noqa: B027
        """From the next run on, the target overwrites nothing that it has not known."""

    def make_plan(self, folder: pathlib.Path) -> None:  # noqa: B027
        """The next runs write nothing, and leave a plan of what they would write.

        Args:
            folder: As for `command`.
        """

    def apply_plan(self, folder: pathlib.Path) -> None:  # noqa: B027
        """The next runs write what is in the plan and has changed on neither side.

        Args:
            folder: As for `command`.
        """

    # The records.

    def sent(self, record: Row) -> Row:
        """What the API should receive for a record (default: the same)."""
        return record

    @abc.abstractmethod
    def record(self, number: int) -> Row:
        """A record.

        Args:
            number: Which one; its key depends on it.
        """


def load(name: str) -> Adapter:
    """Make an adapter.

    Args:
        name: module:Class.
    """
    module, _, attribute = name.partition(":")
    adapter: Adapter = getattr(importlib.import_module(module), attribute)()
    return adapter
