"""An example: how to tell the suite about another target, here the naive one."""

from __future__ import annotations

import pathlib
import sys
import typing as t

from .adapter import Adapter
from .wire import Reply

if t.TYPE_CHECKING:
    from .book import Book, Row
    from .wire import Request


HERE = pathlib.Path(__file__).parent


class Naive(Adapter):
    """POST /contacts makes a contact, GET /contacts?email=... finds it."""

    stream, key = "contacts", "email"
    text, number, spare = "notes", "score", "nickname"
    updates = False

    def record(self, number: int) -> Row:
        return {"email": f"{number}@example.com", "notes": ""}

    def answer(self, request: Request, book: Book) -> Reply:
        if request.method == "GET":
            return Reply(body=book.find(request.query["email"]))
        row = request.json
        if book.refuses(row):
            return Reply(400, {"error": "notes are not valid"})
        return Reply(201, book.create(row["email"], row))

    def command(self, url: str, folder: pathlib.Path) -> list[str]:  # noqa: ARG002 - no settings
        return [sys.executable, str(HERE / "naive_target.py"), url]

    def reported(self, folder: pathlib.Path) -> list[str]:  # noqa: ARG002 - it keeps none
        return []


class Careless(Naive):
    """The same target, whose adapter promises what it does not keep; its API replaces a contact."""

    updates = conflicts = plans = True
    modes = ("create_only", "update_only")
    _dry = False

    def answer(self, request: Request, book: Book) -> Reply:
        row = request.json if request.method == "POST" else {}
        if not book.find(row.get("email")):
            return super().answer(request, book)
        return Reply(200, book.update(row["email"], row, kept={"email"}))

    def command(self, url: str, folder: pathlib.Path) -> list[str]:
        return [*super().command(url, folder), *(["--dry-run"] if self._dry else [])]

    def make_plan(self, folder: pathlib.Path) -> None:  # noqa: ARG002 - it leaves none
        self._dry = True

    def apply_plan(self, folder: pathlib.Path) -> None:  # noqa: ARG002 - it has none
        self._dry = False
