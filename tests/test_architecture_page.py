"""docs/architecture.md names places that exist."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
FILES = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/*.py")]


def test_every_python_file_on_the_page_exists() -> None:
    named = {name.replace("<vendor>", "aimsio") for name in re.findall(r"`([\w/<>]+\.py)`", PAGE)}
    assert len(named) > 15
    missing = {name for name in named if not any(f"/{f}".endswith(f"/{name}") for f in FILES)}
    assert missing == set()


def test_every_folder_on_the_page_exists() -> None:
    named = {name.replace("<vendor>", "aimsio") for name in re.findall(r"`([\w/<>]+)/`", PAGE)}
    folders = {f.rpartition("/")[0] for f in FILES} | {"schemas/aimsio"}
    missing = {name for name in named if not any(f"/{f}".endswith(f"/{name}") for f in folders)}
    assert len(named) > 5
    assert missing == set()


def test_every_module_of_the_delivery_and_of_the_transport_is_on_the_page() -> None:
    for folder in ("target_erp/delivery", "erp_vendors/http"):
        for path in (ROOT / folder).glob("[a-z]*.py"):
            assert f"`{path.stem}" in PAGE, path


def test_every_module_of_the_plugins_and_of_the_ledger_is_on_the_page() -> None:
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", PAGE))))
    modules = {
        path
        for package in ("tap_erp", "target_erp", "erp_ledger", "erp_plugin")
        for path in (ROOT / package).glob("[a-z]*.py")
    }
    assert len(modules) > 80
    assert {
        f"{path.parent.name}/{path.name}" for path in modules if path.stem not in words
    } == set()
