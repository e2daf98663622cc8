"""Booleans that come as text, as Meltano and the environment hand them over."""

from __future__ import annotations

import json
import typing as t

import pytest

from target_erp.target import TargetErp
from tests.support.commands import invoke

if t.TYPE_CHECKING:
    import pathlib

AIMSIO = {"username": "u", "password": "p", "api_url": "http://127.0.0.1:9"}


@pytest.mark.parametrize("word", ["enabled", "t", "y", "maybe", "truee", "2"])
@pytest.mark.parametrize("source", ["file", "variable"])
def test_an_unknown_word_for_a_dry_run_ends_the_run(
    word: str, source: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"aimsio": AIMSIO, **({"dry_run": word} if source == "file" else {})}
    if source == "variable":
        monkeypatch.setenv("TARGET_ERP_DRY_RUN", word)
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = ["--config", "config.json"] + ["--config=ENV"] * (source == "variable")
    code, said, out = invoke(TargetErp.cli, "target-erp", *arguments, "--input", "/dev/null")
    assert (code, out) == (1, [])
    assert "true or false" in said
    assert "dry_run" in said.lower()


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((word, True) for word in ("true", "TRUE", " true ", "1", "yes", "On")),
        *((word, False) for word in ("false", "False", "0", "no", "off")),
    ],
)
def test_the_usual_words_are_understood(word: str, meant: bool) -> None:  # noqa: FBT001
    target = TargetErp(config={"aimsio": {**AIMSIO, "verify_tls": word}, "dry_run": word})
    assert target.config["dry_run"] is meant
    assert target.block("aimsio").get("verify_tls") is meant
