"""Docstrings tell what a signature does not."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = (
    *("tap_erp", "target_erp", "erp_cli", "erp_ledger", "erp_plugin", "erp_vendors"),
    *("erp_sandbox", "demo", "tools", "benchmarks", "tests"),
)
ARGS = re.compile(r"^ *Args:\n(?P<lines>(?: +\S.*\n?)+)", re.MULTILINE)
LINE = re.compile(r" *\*{0,2}(?P<name>\w+): (?:The|A|An|Its|Their) (?P<said>[\w ]+)\.")


def repeats(docstring: str) -> bool:
    """Whether its block on arguments says no more than their names."""
    found = ARGS.search(docstring)
    lines = [LINE.fullmatch(line) for line in found["lines"].splitlines()] if found else [None]
    return all(line and line["name"].replace("_", " ") == line["said"] for line in lines)


def test_a_block_that_repeats_names_is_found() -> None:
    assert repeats("Read.\n\nArgs:\n    name: The name.\n    run: Its run.\n\nReturns:\n    All.\n")
    assert not repeats("Read.\n\nArgs:\n    name: The name.\n    run: Its number.\n")
    assert not repeats("Read.")


def test_no_block_on_arguments_only_repeats_their_names() -> None:
    found, looked_at = [], 0
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    looked_at += 1
                    if repeats(ast.get_docstring(node) or ""):
                        found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert looked_at > 1000
    assert found == []
