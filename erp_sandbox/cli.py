"""The command ``erp-sandbox``."""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from erp_sandbox.config import Settings, add_options, read_options
from erp_sandbox.vendor import vendors

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG_HEAD = "Each vendor answers under its own path; the demo credentials are:\n"
_EPILOG_TAIL = """
GET / shows URLs, credentials and row counts of the running sandbox as JSON. The control endpoints
are /_sandbox/ready, report, calls, reset, faults, data/VENDOR/RESOURCE, expire_tokens and clock.
Every vendor option can also be set by the environment: --aimsio-rate as ERP_SANDBOX_AIMSIO_RATE.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="erp-sandbox", description="Plays ERP vendors' HTTP APIs on loopback."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    known = vendors()
    epilog = _EPILOG_HEAD + "".join(
        f"  /{name}: {kind.credentials_text(kind.Options())}\n" for name, kind in known.items()
    )
    serve = commands.add_parser(
        "serve",
        help="serve until interrupted",
        description="Serve all vendors until interrupted.",
        epilog=epilog + _EPILOG_TAIL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8765, help="TCP port, 0 for a free one (8765)")
    serve.add_argument("--size", type=int, default=60, help="rows per resource (60)")
    serve.add_argument("--seed", type=int, default=1, help="seed of data and random faults (1)")
    serve.add_argument(
        "--latency-ms", type=float, default=0, help="milliseconds each call takes at least (0)"
    )
    serve.add_argument(
        "--no-limits", dest="limits", action="store_false", help="no rate limits at all"
    )
    serve.add_argument(
        "--limit-scale", type=float, default=1.0, help="factor on the allowed rates (1)"
    )
    serve.add_argument("--faults", type=Path, metavar="FILE", help="JSON list of fault rules")
    serve.add_argument(
        "--database", metavar="PATH", help="SQLite file, so that writes survive a restart (memory)"
    )
    for name, kind in known.items():
        add_options(serve, name, kind.Options)
    return parser


def _settings(parsed: argparse.Namespace) -> Settings:
    faults = [] if parsed.faults is None else json.loads(parsed.faults.read_text("utf-8"))
    return Settings(
        size=parsed.size,
        seed=parsed.seed,
        latency_ms=parsed.latency_ms,
        limits=parsed.limits,
        limit_scale=parsed.limit_scale,
        database=parsed.database,
        faults=faults if isinstance(faults, list) else [faults],
        vendors={
            name: read_options(parsed, name, kind.Options) for name, kind in vendors().items()
        },
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line without the program name; None takes the process's own.

    Returns:
        Exit code: 0 when ended by SIGINT or SIGTERM, 1 when it could not start.
    """
    parsed = _parser().parse_args(arguments)
    try:
        # Optional dependencies: installed with the extra "sandbox" only.
        from erp_sandbox.server import SandboxServer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn", "h11", "anyio"}:
            raise
        _say("erp-sandbox needs further packages: pip install 'erp-singer[sandbox]'")
        return 1
    try:
        server = SandboxServer(_settings(parsed), parsed.host, parsed.port)
    except (OSError, ValueError, sqlite3.Error) as error:
        _say(f"erp-sandbox cannot start: {error}")
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    _say(f"erp-sandbox listening on {server.url}")
    while not ended.wait(0.5):
        pass
    server.stop()
    return 0
