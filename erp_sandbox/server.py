"""Runs the application with uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from erp_sandbox.app import Sandbox
from erp_sandbox.control import control_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from erp_sandbox.config import Settings

T = TypeVar("T")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class _Protocol(H11Protocol):
    """Gives the application the TCP transport, so that it can close the connection itself."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "sandbox_transport": transport}
        super().connection_made(transport)


class SandboxServer:
    """A sandbox on a loopback port, served by a daemon thread.

    Args:
        settings: How the sandbox runs.
        host: Address to listen on.
        port: TCP port; 0 picks a free one.

    Raises:
        OSError: The address cannot be listened on.
    """

    def __init__(self, settings: Settings, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With the protocol named, asyncio sets TCP_NODELAY; without it, each answer on a kept
        # connection would wait 40 ms for the client's acknowledgement.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self.port: int = self._socket.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            self.url = f"http://{shown}:{self.port}"
            self.sandbox = Sandbox(settings)
        except BaseException:
            self._socket.close()
            raise
        self.sandbox.control = control_app(self.sandbox)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            proxy_headers=False,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
            server_header=False,
            backlog=512,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="erp-sandbox", daemon=True)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] == "lifespan":
            self._loop = asyncio.get_running_loop()
        await self.sandbox(scope, receive, send)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ready.set()

    def start(self) -> None:
        """Start listening and return when calls are answered.

        Raises:
            RuntimeError: The server did not come up.
        """
        self._thread.start()
        waited = 0.0
        while not self._server.started:
            if self._ready.wait(0.005) or waited > _START_SECONDS:
                message = "the sandbox did not start"
                raise RuntimeError(message)
            waited += 0.005

    def stop(self) -> None:
        """Stop listening, finish background work, close the database."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        self._socket.close()

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the server's event loop, where all state belongs.

        Args:
            function: What to run; it must not block.

        Returns:
            Its result.
        """
        if self._loop is None:
            message = "the sandbox is not running"
            raise RuntimeError(message)

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_STOP_SECONDS)
