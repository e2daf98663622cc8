"""The control endpoints under ``/_sandbox`` and the index page at ``/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from erp_sandbox import jsontext
from erp_sandbox.actions import Actions, NotThereError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from erp_sandbox.app import Sandbox


def _answer(value: object, status: int = 200) -> Response:
    return Response(jsontext.dumps(value), status, media_type="application/json")


async def _body(request: Request) -> dict[str, object]:
    text = await request.body()
    value = jsontext.loads(text) if text else {}
    if not isinstance(value, dict):
        message = "the body must be an object"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for all bad bodies
    return value


def _fields(body: dict[str, object]) -> dict[str, object]:
    fields = body.get("fields")
    if not isinstance(fields, dict) or set(body) - {"fields", "stamp"}:
        message = 'the body must be {"fields": {...}} and may have "stamp"'
        raise ValueError(message)
    return fields


def _number(value: object, name: str) -> float:
    try:
        return float(str(value))
    except ValueError:
        message = f"{name} must be a number"
        raise ValueError(message) from None


class Control:
    """The endpoints.

    Args:
        sandbox: The application they control.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._actions = Actions(sandbox)

    async def index(self, request: Request) -> Response:
        """Say what is played here: URLs, credentials, rows."""
        base = str(request.base_url).rstrip("/")
        played = {}
        for name, vendor in self._sandbox.vendors.items():
            about = vendor.about()
            played[name] = {
                **about,
                "base_url": base + str(about["base_url"]),
                "rows": {key: len(rows) for key, rows in vendor.collections.items()},
            }
        return _answer({"name": "erp-sandbox", "control": f"{base}/_sandbox", "vendors": played})

    async def ready(self, _: Request) -> Response:
        """Say that calls are answered."""
        return _answer({"ready": True})

    async def report(self, request: Request) -> Response:
        """Return the counters."""
        return _answer(self._actions.report(request.query_params.get("vendor")))

    async def reset(self, request: Request) -> Response:
        """Set the counters to zero, and make the data anew if asked."""
        self._actions.reset(data=bool((await _body(request)).get("data")))
        return _answer({"reset": True})

    async def calls(self, request: Request) -> Response:
        """Return the log."""
        since = int(_number(request.query_params.get("since", "0"), "since"))
        return _answer(self._actions.calls(request.query_params.get("vendor"), since))

    async def faults(self, request: Request) -> Response:
        """Show, add or drop fault rules."""
        if request.method == "POST":
            self._actions.add_faults(jsontext.loads(await request.body()))
        elif request.method == "DELETE":
            self._actions.clear_faults()
        return _answer(self._actions.faults())

    async def resource(self, request: Request) -> Response:
        """Show all records of a resource, or insert one."""
        names = (request.path_params["vendor"], request.path_params["resource"])
        if request.method == "GET":
            return _answer(self._actions.rows(*names))
        body = await _body(request)
        return _answer(self._actions.insert(*names, _fields(body), body.get("stamp")), 201)

    async def record(self, request: Request) -> Response:
        """Show, change or delete one record."""
        path = request.path_params
        names = (path["vendor"], path["resource"], path["key"])
        if request.method == "GET":
            return _answer(self._actions.row(*names))
        if request.method == "DELETE":
            self._actions.delete(*names)
            return _answer({"deleted": True})
        body = await _body(request)
        return _answer(self._actions.change(*names, _fields(body), body.get("stamp")))

    async def expire_tokens(self, request: Request) -> Response:
        """Kill all tokens."""
        return _answer(self._actions.expire_tokens(request.query_params.get("vendor")))

    async def clock(self, request: Request) -> Response:
        """Shift the vendors' clock."""
        if request.method == "POST":
            offset = (await _body(request)).get("offset_seconds")
            self._actions.shift_clock(_number(offset, "offset_seconds"))
        clock = self._sandbox.clock
        return _answer({"offset_seconds": str(clock.offset_seconds), "now_ms": clock.now_ms()})


async def _bad_request(_: Request, error: Exception) -> Response:
    return _answer({"error": str(error)}, 400)


async def _not_found(_: Request, error: Exception) -> Response:
    return _answer({"error": str(error.args[0])}, 404)


async def _nothing_here(request: Request, _: Exception) -> Response:
    return _answer({"error": f"nothing at {request.url.path}"}, 404)


def control_app(sandbox: Sandbox) -> ASGIApp:
    """Return the application for everything outside the vendors' prefixes."""
    control = Control(sandbox)
    routes = [
        Route("/", control.index),
        Route("/_sandbox/ready", control.ready),
        Route("/_sandbox/report", control.report),
        Route("/_sandbox/reset", control.reset, methods=["POST"]),
        Route("/_sandbox/calls", control.calls),
        Route("/_sandbox/faults", control.faults, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/data/{vendor}/{resource}", control.resource, methods=["GET", "POST"]),
        Route(
            "/_sandbox/data/{vendor}/{resource}/{key:path}",
            control.record,
            methods=["GET", "POST", "PATCH", "DELETE"],
        ),
        Route("/_sandbox/expire_tokens", control.expire_tokens, methods=["POST"]),
        Route("/_sandbox/clock", control.clock, methods=["GET", "POST"]),
    ]
    handlers: dict[int | type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        ValueError: _bad_request,
        NotThereError: _not_found,
        404: _nothing_here,
    }
    return Starlette(routes=routes, exception_handlers=handlers)
