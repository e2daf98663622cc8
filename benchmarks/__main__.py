"""Runs benchmarks: `python -m benchmarks [name ...] [--quick]`, and `--table` for the pages."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from benchmarks import harness, table
from benchmarks.bars import BARS, BENCHMARKS


def main() -> int:
    """Run what the command line names.

    Returns:
        Exit code: 0, whatever the figures are; a benchmark that cannot run raises.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="less of everything; rough numbers")
    parser.add_argument(
        "--table", action="store_true", help="write the last results into the pages"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if options.table:
        table.write()
        return 0
    print(harness.machine())
    verdicts = []
    for name in options.names or BENCHMARKS:
        started = time.perf_counter()
        report = importlib.import_module(f"benchmarks.suite.{name}").run(quick=options.quick)
        seconds = time.perf_counter() - started
        harness.check(name, report)
        print(*harness.lines(name, report), f"  took {seconds:.0f} s", sep="\n", flush=True)
        harness.save(name, report, quick=options.quick, seconds=seconds)
        verdicts += [
            harness.verdict(bar, report.values.get(bar.name))
            for bar in BARS
            if bar.benchmark == name
        ]
    counts = {text: verdicts.count(text) for text in ("PASS", "MISS", harness.NOT_MEASURED)}
    print(", ".join(f"{number} {text}" for text, number in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
