"""Temporary files that the code under test has opened."""

from __future__ import annotations

import contextlib
import tempfile
import typing as t
from unittest import mock


@contextlib.contextmanager
def temporary_files() -> t.Iterator[list[t.IO[bytes]]]:
    """Collects the files without a name that are opened meanwhile."""
    found: list[t.IO[bytes]] = []
    real: t.Callable[..., t.IO[bytes]] = tempfile.TemporaryFile

    def opened(*arguments: t.Any, **options: t.Any) -> t.IO[bytes]:
        found.append(real(*arguments, **options))
        return found[-1]

    with mock.patch.object(tempfile, "TemporaryFile", opened):
        yield found
