"""docs/coverage.md: what reads or writes each operation of the vendors, or why nothing does.

The operations are those of the vendors' documents (tests/operations/<vendor>.json). What covers one
follows from the tables of the code. What the code cannot tell is in `vendors/<vendor>.json`:
made-up credentials, settings that bring further streams, logins, connection tests, reasons, and
what a guessed path stands for. Where a vendor's calls are more than the paths of its table,
`vendors/<vendor>.py` says how they are made.

    python -m tools.coverage            write
    python -m tools.coverage --check    exit with 1 and a diff if the page is out of step
"""
