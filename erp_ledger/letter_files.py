"""Files of dead letters, which several processes append to, and one may rewrite meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.private import is_at, open_private, replace_file, sync_folder

if t.TYPE_CHECKING:
    import pathlib

logger = logging.getLogger("erp.delivery")

Letter = dict[str, t.Any]

_MEMBERS: dict[str, type | tuple[type, ...]] = {
    "stream": str,
    "account": str,
    "key": dict,
    "record": dict,
    "payload": dict,
    "request": str,
    "outcome": str,
    "class": str,
    "reason": str,
    "status": (int, type(None)),
    "answer": str,
    "attempts": int,
    "first_at": str,
    "last_at": str,
}
"""What every letter holds; a line that lacks some of it is not one, whoever has written it."""


class Line(t.NamedTuple):
    """A line of a file.

    Attributes:
        text: As it stands there, without its end.
        letter: What it says; None if it was cut off, or is none for another reason.
    """

    text: bytes
    letter: Letter | None


def append(path: pathlib.Path, texts: t.Iterable[bytes]) -> None:
    """Add lines; they are durable when this returns, and begin on a line of their own.

    Args:
        path: The file.
        texts: The lines, without their ends.

    Raises:
        OSError: If that fails; the file is then as long as before.
    """
    with _locked(path) as descriptor:
        size = os.fstat(descriptor).st_size
        data = b"".join(text + b"\n" for text in texts)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data  # a process died while it was writing
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        if not size:
            sync_folder(path.parent)


def read(path: pathlib.Path) -> list[Line]:
    """The lines of a file; what is no letter is named in a warning and passed over by callers.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read.
    """
    lines = []
    for number, text in enumerate(path.read_bytes().split(b"\n"), 1):
        if text.strip():
            letter = _letter(text)
            if letter is None:
                _warn(path, number, text)
            lines.append(Line(text, letter))
    return lines


def letters(path: pathlib.Path) -> t.Iterator[Letter]:
    """The letters of a file, one after the other, in the order in which they were added.

    The file may be appended to and replaced meanwhile: it is not locked, and a last line without
    its end is still being written.

    Args:
        path: The file.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.strip() or not text.endswith(b"\n"):
                    continue
                letter = _letter(text)
                if letter is None:
                    _warn(path, number, text)
                else:
                    yield letter
    except FileNotFoundError:
        return  # all its records have got through
    except OSError as problem:
        msg = f"cannot read {path} (dead letters): {problem.strerror}"
        raise ConfigError(msg) from None


def rewrite(path: pathlib.Path, keep: t.Callable[[list[Line]], list[Line]]) -> None:
    """Leave lines out, while nobody can append; the file is whole at every moment.

    Args:
        path: The file; nothing is done if it does not exist.
        keep: Which lines stay.

    Raises:
        OSError: If that fails; the file is then as before.
    """
    if not path.exists():
        return
    with _locked(path):
        before = read(path)
        after = keep(before)
        if not after:
            path.unlink()
            sync_folder(path.parent)
        elif len(after) < len(before):
            replace_file(path, (line.text + b"\n" for line in after))


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> t.Iterator[int]:
    while True:
        descriptor = open_private(path, os.O_RDWR | os.O_APPEND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_at(descriptor, path):  # or else it was replaced during the wait
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _letter(text: bytes) -> Letter | None:
    try:
        letter = codec.decode(text)
    except ValueError:
        return None
    if not isinstance(letter, dict) or not letter.keys() >= _MEMBERS.keys():
        return None
    whole = all(isinstance(letter[name], kind) for name, kind in _MEMBERS.items())
    return letter if whole else None


@functools.lru_cache(maxsize=1024)
def _warn(path: pathlib.Path, number: int, text: bytes) -> None:  # noqa: ARG001 - once for each
    logger.warning(
        "%s line %d is not a whole dead letter, and is passed over; mend or remove the line",
        path,
        number,
    )
