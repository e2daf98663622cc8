"""Run with `python -m target_erp`."""

from target_erp.target import main

main()
