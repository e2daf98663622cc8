"""Files and folders that only their owner may read: they hold records of people and companies.

Modes are set whatever the umask is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import stat
import tempfile
import typing as t

from erp_vendors.errors import ConfigError

_FILE = 0o600
_FOLDER = 0o700


def make_folder(setting: str, path: pathlib.Path) -> None:
    """Make a folder and those above it, where they are missing.

    Args:
        setting: Name of the setting that asks for it, for errors.
        path: The folder.

    Raises:
        ConfigError: If that is not possible.
    """
    missing = []
    folder = path
    with _explained(setting, path):
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(mode=_FOLDER, exist_ok=True)
            folder.chmod(_FOLDER)
        if not path.is_dir():
            msg = f"setting '{setting}': {path} is not a folder"
            raise ConfigError(msg)


def make_file(setting: str, path: pathlib.Path) -> None:
    """Make an empty file, where it is missing; one that is there stays as it is.

    Args:
        setting: Name of the setting that asks for it, for errors.
        path: The file.

    Raises:
        ConfigError: If that is not possible, or if it could not be written to.
    """
    make_folder(setting, path.parent)
    with _explained(setting, path):
        os.close(open_private(path, os.O_RDWR | os.O_APPEND))


def check_replaceable(setting: str, path: pathlib.Path) -> None:
    """Check that a file can be put in a place, without changing what is there.

    Args:
        setting: Name of the setting that asks for it, for errors.
        path: The file.

    Raises:
        ConfigError: If it cannot.
    """
    make_folder(setting, path.parent)
    check_folder(setting, path.parent)
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        msg = f"setting '{setting}': {path} is {kind}; name a file"
        raise ConfigError(msg)


def check_folder(setting: str, path: pathlib.Path) -> None:
    """Make a folder where it is missing, and find out whether files can be made in it.

    Args:
        setting: Name of the setting that asks for it, for errors.
        path: The folder.

    Raises:
        ConfigError: If they cannot.
    """
    make_folder(setting, path)
    with _explained(setting, path), tempfile.TemporaryFile(dir=path):
        pass


def open_private(path: str | pathlib.Path, flags: int) -> int:
    """Open a file, making it where it is missing, and keep others from reading it.

    Args:
        path: The file.
        flags: As in `os.open`.

    Returns:
        A file descriptor.

    Raises:
        OSError: If that is not possible.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, _FILE)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != _FILE:
        with contextlib.suppress(PermissionError):  # its owner is somebody else, who decides
            os.fchmod(descriptor, _FILE)
    return descriptor


def is_at(descriptor: int, path: pathlib.Path) -> bool:
    """Whether an open file (`descriptor`) is still the one that a path leads to."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def lock_file(path: pathlib.Path) -> int | None:
    """Lock a file, making it where it is missing; the lock ends with the process.

    Args:
        path: The file.

    Returns:
        A file descriptor that holds the lock until it is closed; None if another process has it.

    Raises:
        OSError: If the file cannot be locked at all.
    """
    while True:
        descriptor = open_private(path, os.O_RDWR | os.O_APPEND)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            if is_at(descriptor, path):  # it was not deleted since it was opened
                undo.pop_all()
                return descriptor


def replace_file(path: pathlib.Path, content: t.Iterable[bytes], mode: int = _FILE) -> None:
    """Put a file in the place of another one, whole and durable, or leave the old one.

    Args:
        path: The file.
        content: What it holds.
        mode: Who may do what with it.

    Raises:
        OSError: If that is not possible.
    """
    # Its own name for each process: two runs may do this at once.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: pathlib.Path) -> None:
    """Make what was made or renamed in a folder durable.

    Raises:
        OSError: If that is not possible.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(setting: str, path: pathlib.Path) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        msg = f"setting '{setting}': cannot write to {path}: {why}"
        raise ConfigError(msg) from None
