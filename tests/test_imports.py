"""Who knows whom, and by which names: what import-linter's contracts do not say.

Lists named KNOWN hold what is still to be put right. Each may only shrink: a test fails as soon as
an entry of it is true no longer.
"""

import ast
import collections
import pathlib

import grimp
import pytest

PACKAGES = (
    "tap_erp",
    "target_erp",
    "erp_cli",
    "erp_ledger",
    "erp_plugin",
    "erp_vendors",
    "erp_sandbox",
)
ROOT = pathlib.Path(__file__).parents[1]
MOST_LINES = 400
SPLIT_PACKAGES = ("target_erp", "tap_erp", "erp_vendors")
"""Packages whose files have no more lines than that."""

KNOWN_CIRCLES: set[tuple[str, str]] = set()
"""Imports, as importer and imported, without which there would be no circle."""
KNOWN_LONG_FILES: set[str] = set()


@pytest.fixture
def graph() -> grimp.ImportGraph:
    # Imports for type checkers count: a module that names another one's types depends on it.
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)


def circles(graph: grimp.ImportGraph) -> set[tuple[str, str]]:
    """The imports that are part of a circle: what is imported leads back to the importer."""
    return {
        (importer, imported)
        for imported in graph.modules
        for importer in graph.find_modules_that_directly_import(imported)
        if importer in graph.find_upstream_modules(imported)
    }


def test_circular_imports_are_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]:
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == {("b", "c"), ("c", "b")}


def test_no_imports_are_circular_but_the_known_ones(graph: grimp.ImportGraph) -> None:
    for importer, imported in KNOWN_CIRCLES & circles(graph):
        graph.remove_import(importer=importer, imported=imported)
    assert circles(graph) == set()


def test_the_known_circular_imports_are_still_there(graph: grimp.ImportGraph) -> None:
    assert KNOWN_CIRCLES - circles(graph) == set(), "take these out of KNOWN_CIRCLES"


@pytest.mark.slow
def test_class_names_are_unique() -> None:
    homes: dict[str, list[str]] = collections.defaultdict(list)
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    homes[node.name.strip("_")].append(str(file.relative_to(ROOT)))
    assert len(homes) > 100
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_names_of_test_modules_are_unique() -> None:
    """`pytest -k` and a report name a module alone."""
    homes: dict[str, list[str]] = collections.defaultdict(list)
    for file in (ROOT / "tests").rglob("test_*.py"):
        homes[file.name].append(str(file.relative_to(ROOT)))
    assert len(homes) > 100
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_no_file_is_too_long() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for package in SPLIT_PACKAGES
        for file in (ROOT / package).rglob("*.py")
    }
    long = {file for file, count in lines.items() if count > MOST_LINES}
    assert long - KNOWN_LONG_FILES == set()
    assert KNOWN_LONG_FILES - long == set(), "take these out of KNOWN_LONG_FILES"
