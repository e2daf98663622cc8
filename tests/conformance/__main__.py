"""Serve one adapter's API until stdin closes: python -m tests.conformance MODULE:CLASS."""

from __future__ import annotations

import asyncio
import sys

from .adapter import load
from .server import serve

asyncio.run(serve(load(sys.argv[1])))
