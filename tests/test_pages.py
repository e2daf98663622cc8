"""Every command of the pages for users is run by a test, or needs an account of theirs."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import typing as t
import urllib.request

import pytest

from demo.project import connection
from erp_cli.erp import main
from erp_sandbox.testing import running_sandbox
from tests.test_definitions import Project

ROOT = pathlib.Path(__file__).resolve().parent.parent
_GUIDES = ("index", "first-steps", "first-contact", "reverse-etl", "operating")
PAGES = ["README.md", *(f"docs/{name}.md" for name in _GUIDES)]
HERE = [
    *("erp streams --all", "erp --help", "erp sinks", "erp sandbox serve --help-vendor aimsio"),
    "erp sandbox serve --variants",
    *("erp template aimsio_employees --format sql", "erp template aims360_orders"),
]
"""What needs nothing, and is run word for word."""
IN_A_PROJECT = [
    "meltano add tap-erp--aimsio-east --inherit-from tap-erp--aimsio --no-install",
    *("meltano config print", "meltano config print target-erp", "meltano invoke target-erp"),
    *(f"meltano invoke target-erp:{name}" for name in ("rejects", "replay", "unknown", "report")),
    "meltano invoke target-erp:rejects --stream aimsio_employees",
    *("erp ledger rejects", "erp ledger replay --config ENV", "erp ledger unknown"),
    "erp ledger report",
]
"""What `test_a_run_is_operated_as_the_pages_say` runs."""
BY = {
    "tests/test_first_steps.py": [  # docs/index.md, word for word
        *("meltano run tap-erp--aimsio target-postgres", "meltano install", "meltano add"),
        *("meltano run tap-postgres target-erp--cimcloud", "meltano invoke tap-erp--aimsio --test"),
        "TARGET_ERP_DRY_RUN=true meltano run tap-postgres target-erp--cimcloud",
        *("pip install meltano erp-singer", "meltano init my-project", "cd my-project"),
        *(
            f"erp definition {name} > {name}.yml"
            for name in ("tap-erp--aimsio", "target-erp--cimcloud")
        ),
        *(
            f"meltano add {name} --from-ref {name}.yml"
            for name in ("tap-erp--aimsio", "target-erp--cimcloud")
        ),
        *("meltano add target-postgres", "meltano add tap-postgres"),
        "meltano select tap-postgres erp-corrections '*'",
        "meltano invoke target-erp--cimcloud:rejects",
    ],
    "tests/test_reverse_etl.py": [
        "TARGET_ERP_DRY_RUN=true meltano run tap-postgres target-erp",
        "TARGET_ERP_DRY_RUN=true meltano run tap-jsonl target-erp",
        "meltano run tap-postgres target-erp",
    ],
    "tests/test_meltano.py": ["make demo", "meltano el tap-erp target-postgres --state-id=north"],
    "tests/fleet/test_fleet.py": ["meltano state list"],
    "tests/erp_cli/test_erp_command.py": ['eval "$(_ERP_COMPLETE=bash_source erp)"'],
    "tests/erp_sandbox/test_sandbox_control.py": ["erp sandbox serve"],
    "tests/erp_sandbox/test_variants.py": [
        (
            "erp sandbox serve --variant cimcloud.date_literal=iso"
            " --variant cimcloud.past_end=not-found"
        )
    ],
    "tests/erp_cli/doctor/test_doctor_command.py": [
        *(
            "erp doctor",
            "erp doctor --config config.json",
            "meltano invoke tap-erp--cimcloud:doctor",
        ),
        *(f"erp doctor --config config.json --write {name}.json" for name in ("config", "fits")),
        "erp doctor --config config.json --json --detailed-exitcode",
        "erp doctor --config config.json --sinks",
    ],
    "tests/erp_cli/doctor/test_config_file.py": ["erp doctor --config ENV --write meltano.yml"],
}
"""What another module runs, or does by the same functions."""
FORMS = re.compile(
    r"make (test|bench|docs)|meltano (run|invoke)|pip install 'erp-singer\[sandbox\]'"
    r"|meltano config set \S+ \S+ \S.*|.*(…|NAME).*"
)
"""Commands about the checkout, names of commands without arguments, and forms of commands."""


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    fences = re.findall(r"^```(sh|bash|)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    typed = r"(?:[A-Z_]+=\S+ )?(?:erp|meltano|make|pip|eval|cd) [^`]+"
    lines = [line for _, block in fences for line in block.splitlines()]
    found = [line for line in lines if re.fullmatch(typed, line)]
    found += re.findall(
        rf"`({typed})`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    return [re.sub(r"\s+#.*", "", line).strip() for line in dict.fromkeys(found)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_run_somewhere(page: str) -> None:
    run = {*HERE, *IN_A_PROJECT, *(command for some in BY.values() for command in some)}
    found = commands(page)
    assert found
    assert [one for one in found if one not in run and not FORMS.fullmatch(one)] == []
    assert all((ROOT / module).is_file() for module in BY)


def test_nothing_is_said_to_be_run_that_no_page_has() -> None:
    there = {command for page in PAGES for command in commands(page)}
    assert {*HERE, *IN_A_PROJECT} <= there


@pytest.mark.parametrize("command", HERE)
def test_what_needs_nothing_works(
    command: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0


@pytest.mark.nightly
@pytest.mark.slow
def test_a_run_is_operated_as_the_pages_say(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("meltano")
    project = Project(tmp_path / "a project")
    for name in ("tap-erp--aimsio", "target-erp"):
        project.add(name)
        project.provide(name)
    with running_sandbox(size=3, limits=False) as sandbox:
        with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
            env = connection(json.load(answer)["vendors"], 100)

        def run(command: str, *more: str, code: int = 0, **given: str) -> str:
            words = shlex.split(command)[1:]
            words[1:1] = ["--no-install"] * (words[0] == "invoke")
            return project(*words, *more, code=code, **env, **given)

        messages: list[dict[str, t.Any]] = [
            {"type": "SCHEMA", "stream": "aimsio_employees", "schema": {"properties": {}}}
            | {"key_properties": ["employeeCode"]},
            {"type": "RECORD", "stream": "aimsio_employees", "record": {"employeeCode": "E-9"}},
        ]
        file = project.folder / "input.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in messages))
        given = ("--input", str(file))
        said = run("meltano invoke target-erp", *given, code=3)
        assert "next: erp ledger rejects" in said
        assert "meltano invoke target-erp:rejects" in said
        assert "E-9" in run("meltano invoke target-erp:rejects")
        assert "E-9" in run("meltano invoke target-erp:rejects --stream aimsio_employees")
        run("meltano invoke target-erp:replay", code=3)
        assert "0 records" in run("meltano invoke target-erp:unknown")
        assert "The report is in" in run("meltano invoke target-erp:report")
        for command in (one for one in IN_A_PROJECT if one.startswith("erp ")):
            done = subprocess.run(
                [sys.executable, "-m", "erp_cli", *shlex.split(command)[1:]],
                cwd=project.folder,
                env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == (3 if "replay" in command else 0), done.stderr
        assert "*****" in run("meltano config print target-erp")
        # A value that Meltano refuses itself.
        broken = {
            "TARGET_ERP_ON_REJECT": ("sometimes", "'sometimes' is not a valid choice"),
            "TARGET_ERP_DELETES": ("[aimsio_employees", "Failed to parse JSON array from string"),
        }
        for variable, (text, why) in broken.items():
            said = run("meltano invoke target-erp", *given, code=1, **{variable: text})
            assert f"ValueError: {why}" in said
            assert "FileNotFoundError" in said
        # A name that is nearly one that protects.
        said = run("meltano invoke target-erp", *given, code=1, TARGET_ERP_DRYRUN="true")
        assert "TARGET_ERP_DRYRUN names no setting" in said
        run(IN_A_PROJECT[0])
