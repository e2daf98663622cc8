"""The process that fuzzes: `python -m tests.fuzz.inside MODULE`, then libFuzzer's own arguments."""

from __future__ import annotations

import importlib
import logging
import sys

import atheris

PACKAGES = ["erp_vendors", "target_erp"]
"""What is watched for new ways through the code."""

if __name__ == "__main__":
    module = sys.argv.pop(1)
    with atheris.instrument_imports(include=PACKAGES):
        parse = importlib.import_module(module).parse
    logging.disable()  # an input may be worth a warning; millions of them are not
    atheris.Setup(sys.argv, parse)
    atheris.Fuzz()
