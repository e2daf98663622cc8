"""What is published fits together: version, changelog, workflows, dependencies."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml

from erp_vendors.vendors import VENDORS
from tools import dependencies, pythons, release, release_check

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
GITHUB = ROOT / ".github"
VERSIONED = 'version = "0.2.0"\nRepository = "https://r"\n'
DATED = "## [Unreleased]\n\n## [0.2.0] - 2026-02-01\n\n- x\n\n## [0.1.0] - 2026-01-01\n"


def workflow(name: str) -> dict[t.Any, t.Any]:
    found: dict[t.Any, t.Any] = yaml.safe_load((GITHUB / "workflows" / name).read_text("utf-8"))
    return found


def test_the_changelog_holds_the_version() -> None:
    assert release.problems(PROJECT, CHANGELOG) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("[0.2.0]", "[0.3.0]", "has version 0.2.0, CHANGELOG.md begins with 0.3.0"),
        ("2026-02-01", "soon", "0.2.0 needs its date"),
        ("2026-02-01", "unreleased", "0.2.0 has no date yet"),
        ("2026-01-01", "unreleased", "0.1.0 needs its date"),
        ("[0.1.0]", "[0.2.0]", "versions must stand once each"),
        ("[Unreleased]\n", "[Unreleased]\n\n### Added\n\n- y\n", "belongs to 0.2.0"),
    ],
)
def test_what_does_not_agree_is_told(before: str, after: str, complaint: str) -> None:
    assert release.problems(VERSIONED, DATED, "v0.2.0", "https://r") == []
    (found,) = release.problems(VERSIONED, DATED.replace(before, after), "v0.2.0", "https://r")
    assert complaint in found


def test_tag_and_address_must_be_those_of_the_project() -> None:
    found = release.problems(VERSIONED, DATED, "v0.2.1", "https://elsewhere")
    assert ["v0.2.1" in found[0], "https://elsewhere" in found[1]] == [True, True]


def test_every_python_that_is_supported_is_tested() -> None:
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    job = workflow("ci.yml")["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == named == list(release_check.PYTHONS)
    steps = [step.get("run") for step in job["steps"]]
    assert "bash .ci/run" in steps


def test_each_night_runs_what_no_change_waits_for() -> None:
    night, change = (workflow(f"{name}.yml")["jobs"]["run"] for name in ("nightly", "ci"))
    assert {"make nightly", "make fleet"} <= {step.get("run") for step in night["steps"]}
    assert night["services"] == change["services"]
    assert night["env"]["ERP_TESTS_REQUIRE_SERVICES"] == "1"


def test_a_release_is_checked_before_it_is_published() -> None:
    jobs = workflow("release.yml")["jobs"]
    steps = "\n".join(step.get("run", "") for step in jobs["build"]["steps"])
    for command in ("tools.release --tag", "-m build", "twine check --strict"):
        assert command in steps
    assert "check-wheel-contents" in steps
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["publish"]["needs"]) == {"ci", "build"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (GITHUB / "workflows/release.yml").read_text("utf-8")


def test_the_issue_forms_name_all_vendors() -> None:
    for name in ("bug.yml", "vendor.yml"):
        form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / name).read_text("utf-8"))
        (options,) = (
            one["attributes"]["options"] for one in form["body"] if one["type"] == "dropdown"
        )
        assert set(options) - {"none", "several"} == {one.title for one in VENDORS.values()}


def test_the_list_of_dependencies_is_in_step() -> None:
    assert dependencies.main(["--check"]) == 0, "run `make settings`"


def test_every_dependency_has_its_reason() -> None:
    found = dependencies.requirements(PROJECT)
    assert found.keys() == dependencies.LISTS.keys()
    assert {"singer-sdk", "requests"} <= found["dependencies"].keys()
    for line in ('  "requests>=2.32",\n', '  "requests>=2.32", #\n'):
        with pytest.raises(dependencies.ReasonError, match=r"requests>=2\.32"):
            dependencies.requirements(f"dependencies = [\n{line}]\n")


def test_what_is_not_installed_keeps_its_licence() -> None:
    project = 'dependencies = [\n  "no-such-thing>=1", # why\n]\n'
    before = "| `no-such-thing>=0.9` | why | EUPL-1.2 |\n"
    assert "| `no-such-thing>=1` | why | EUPL-1.2 |" in dependencies.page(project, before)
    assert "| `no-such-thing>=1` | why | not known here |" in dependencies.page(project, "")


def test_a_python_that_is_not_there_is_said_not_to_have_run() -> None:
    rows = [
        release_check.Row("3.10.1", "installed", "read and written", "5 passed"),
        release_check.Row("3.14: not found"),
        release_check.Row("3.13.0", "installed", ok=False),
    ]
    text = "\n".join(release_check.table(rows, "smoke"))
    assert "| 3.10.1 | installed | read and written | 5 passed |" in text
    assert "| 3.14: not found | not run | not run | not run |" in text
    assert "| 3.13.0 | installed | not run | FAILED |" in text


def test_a_python_counts_as_what_it_says_that_it_is(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", "/bin:/usr/bin")
    monkeypatch.setattr(pythons, "FOLDER", tmp_path / "pythons")
    for place, version in (("pyenv/versions/3.99.0", "3.98"), ("pythons/uv", "3.99")):
        path = tmp_path / place / "bin" / "python3.99"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho {version}; echo {version}.7\n")
        path.chmod(0o755)
    assert pythons.get("3.99") == (str(path), "3.99.7")
    path.unlink()
    with pytest.raises(pythons.NotHereError, match=r"^not found$"):
        pythons.find("3.99")


def test_a_python_that_cannot_be_got_comes_with_the_reasons(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "FOLDER", tmp_path)
    monkeypatch.setattr(pythons, "_UV", tmp_path / "no-uv")
    monkeypatch.setenv("PATH", str(tmp_path))  # so there is no sh either
    with pytest.raises(pythons.NotHereError) as told:
        pythons.get("3.99")
    assert re.fullmatch(r"not to be had \(uv: .*no-uv.*; Debian: .*'sh'.*\)", str(told.value))


def test_mermaid_has_its_licence_beside_it() -> None:
    folder = ROOT / "docs/assets/mermaid"
    assert (folder / "LICENSE").read_text("utf-8").startswith("The MIT License")
    version = re.search(r"@mermaid-js/tiny\) ([\d.]+)", (ROOT / dependencies.PAGE).read_text())
    assert version is not None
    assert json.dumps(version[1]) in (folder / "mermaid.tiny.js").read_text("utf-8")
