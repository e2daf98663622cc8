"""Run with `python -m tap_erp`."""

from tap_erp.tap import main

main()
