"""Run with `python -m erp_cli`."""

import sys

from erp_cli.erp import main

sys.exit(main())
