"""What is made once, although pytest-xdist runs the tests in several processes."""

from __future__ import annotations

import os
import typing as t

from filelock import FileLock

if t.TYPE_CHECKING:
    import pathlib

    import pytest


def made_once(
    factory: pytest.TempPathFactory, name: str, make: t.Callable[[pathlib.Path], None]
) -> pathlib.Path:
    """A folder that one process fills, and all may read.

    Args:
        factory: Knows the folders of this run of pytest.
        name: Name of the folder.
        make: Fills it; if it fails, the next process tries again.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has a folder in the run's
        base = base.parent
    folder, done = base / name, base / f"{name}.done"
    with FileLock(base / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder
