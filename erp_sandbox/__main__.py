"""``python -m erp_sandbox`` is the same as the command ``erp-sandbox``."""

from __future__ import annotations

import sys

from erp_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
