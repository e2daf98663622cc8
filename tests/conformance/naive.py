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
        return [sys.executable, str(pathlib.Path(__file__).with_name("naive_target.py")), url]

    def reported(self, folder: pathlib.Path) -> list[str]:  # noqa: ARG002 - it keeps none
        return []
