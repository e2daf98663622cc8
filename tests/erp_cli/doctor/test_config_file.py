"""What the doctor found, as changes of a configuration and of the files that hold one."""

from __future__ import annotations

import json
import stat
import typing as t

import pytest

from erp_cli.doctor.changes import SettingChange, applied, changes_of
from erp_cli.doctor.config_file import rewrite
from erp_cli.doctor.examination import Report
from erp_cli.doctor.examiner import Access, ResourceSample
from erp_vendors.assumption import Verdict, VerdictState
from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from erp_vendors.resource import Resource

if t.TYPE_CHECKING:
    import pathlib

DATES = SettingChange("cimcloud.date_format", "YYYY-MM-DD", None, "date_literal")
KEY = SettingChange("cimcloud.resources[credits].primary_keys", ["credit_key"], None, "unique_key")
STAMP = SettingChange(
    "cimcloud.resources[credits].replication_key", "changed", None, "stamp_column"
)


def differs(name: str, stream: str = "", **more: t.Any) -> Verdict:
    return Verdict(name, VerdictState.DIFFERS, "seen", stream, **more)


def report(*findings: Verdict, **more: t.Any) -> Report:
    return Report("cimcloud", 30, findings=list(findings), **more)


def test_findings_samples_and_what_was_learned_become_changes() -> None:
    found = report(
        differs("date_literal", settings={"date_format": "YYYY-MM-DD"}),
        differs("unique_key", "credits", entry={"primary_keys": ["credit_key"]}),
        Verdict("past_end", VerdictState.HOLDS, "seen", "", {"timeout_seconds": 1}),
        samples={
            "orders": ResourceSample(Resource(name="orders"), Access.READ, entry={"path": "Orders"})
        },
        # What a finding says of an entry outranks what was learned of it.
        learned={"credits": {"primary_keys": ["other"], "schema": {"type": "object"}}},
    )
    assert [str(change) for change in changes_of(found, {})] == [
        'cimcloud.date_format: "YYYY-MM-DD"',
        'cimcloud.resources[credits].primary_keys: ["credit_key"]',
        'cimcloud.resources[orders].path: "Orders"',
        'cimcloud.resources[credits].schema: {"type":"object"}',
    ]


@pytest.mark.parametrize("name", ["credits", "cimcloud_credits"])
def test_what_is_stated_is_no_change_or_one_that_says_so(name: str) -> None:
    block = {
        "date_format": "YYYY-MM-DD",
        "resources": [{"name": name, "primary_keys": ["mine"], "replication_key": "changed"}],
    }
    found = report(
        differs("date_literal", settings={"date_format": "YYYY-MM-DD"}),
        differs("unique_key", "credits", entry={"primary_keys": ["credit_key"]}),
        differs("stamp_column", "credits", entry={"replication_key": "changed"}),
    )
    (change,) = changes_of(found, block)
    assert change.is_stated
    assert change.present == ["mine"]
    made = applied(block, "cimcloud", [change])
    assert made["resources"] == [
        {"name": name, "primary_keys": ["credit_key"], "replication_key": "changed"}
    ]
    assert block["resources"][0]["primary_keys"] == ["mine"]


def test_a_new_file_holds_the_whole_configuration_and_is_its_owners_alone(
    tmp_path: pathlib.Path,
) -> None:
    file = tmp_path / "new.json"
    whole = {"start_date": "2026-01-01", "cimcloud": {"password": "a secret that is long"}}
    made = rewrite(str(file), {"cimcloud": [DATES, KEY, STAMP]}, whole)
    assert not file.exists()
    made.write()
    assert json.loads(file.read_text("utf-8")) == {
        "start_date": "2026-01-01",
        "cimcloud": {
            "password": "a secret that is long",
            "date_format": "YYYY-MM-DD",
            "resources": [
                {"name": "credits", "primary_keys": ["credit_key"], "replication_key": "changed"}
            ],
        },
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "date_format" not in whole["cimcloud"]


def test_a_json_file_keeps_its_other_keys_its_digits_and_its_mode(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"cimcloud": {"timeout_seconds": 2.50, "site_name": "s"}, "x": {}}', "utf-8")
    file.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(file)
    made = rewrite(str(link), {"cimcloud": [DATES], "aim": []}, {})
    assert '+    "date_format": "YYYY-MM-DD"' in made.difference.splitlines()
    made.write()
    text = file.read_text("utf-8")
    assert '"timeout_seconds": 2.50' in text
    assert json.loads(text)["x"] == {}
    assert "aim" not in json.loads(text)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert link.is_symlink()


def test_nothing_to_change_leaves_a_file_as_it_is(tmp_path: pathlib.Path) -> None:
    for name, text in (("a.json", '{"cimcloud":{}}'), ("meltano.yml", "plugins:   {}\n")):
        file = tmp_path / name
        file.write_text(text, "utf-8")
        made = rewrite(str(file), {"cimcloud": []}, {})
        assert made.after == text
        assert made.difference == ""


def test_the_difference_shows_no_secret(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"cimcloud": {"password": "quite-a-secret"}}', "utf-8")
    redact.add("quite-a-secret")
    made = rewrite(str(file), {"cimcloud": [DATES]}, {})
    assert "quite-a-secret" in made.after
    assert "quite-a-secret" not in made.difference


PROJECT = """\
# Our project
version: 1
plugins:
  extractors:
    # reads everything
    - name: tap-erp
      namespace: tap_erp
      config:
        start_date: '2026-01-01'   # the beginning
    - name: tap-erp--cimcloud
      inherit_from: tap-erp
    - name: nightly
      inherit_from: tap-erp--cimcloud
      config:
        cimcloud.site_name: shop
    - name: tap-other
      config: {cimcloud: {site_name: x}}
  loaders:
    - name: target-erp
      config:
        cimcloud:
          site_name: shop
          resources:
            - name: cimcloud_credits # ours
              write_path: credit
"""
CHANGED = """\
# Our project
version: 1
plugins:
  extractors:
    # reads everything
    - name: tap-erp
      namespace: tap_erp
      config:
        start_date: '2026-01-01'   # the beginning
    - name: tap-erp--cimcloud
      inherit_from: tap-erp
      config:
        cimcloud:
          date_format: YYYY-MM-DD
          resources:
            - name: credits
              primary_keys:
                - credit_key
    - name: nightly
      inherit_from: tap-erp--cimcloud
      config:
        cimcloud.site_name: shop
        cimcloud.date_format: YYYY-MM-DD
        cimcloud.resources:
          - name: credits
            primary_keys:
              - credit_key
    - name: tap-other
      config: {cimcloud: {site_name: x}}
  loaders:
    - name: target-erp
      config:
        cimcloud:
          site_name: shop
          resources:
            - name: cimcloud_credits # ours
              write_path: credit
              primary_keys:
                - credit_key
          date_format: YYYY-MM-DD
"""


def test_a_meltano_project_keeps_comments_and_order(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "meltano.yml"
    file.write_text(PROJECT, "utf-8")
    rewrite(str(file), {"cimcloud": [DATES, KEY]}, {}).write()
    assert file.read_text("utf-8") == CHANGED


def test_where_no_plugin_names_the_vendor_the_one_that_all_inherit_from_is_changed(
    tmp_path: pathlib.Path,
) -> None:
    file = tmp_path / "meltano.yml"
    file.write_text("plugins:\n  extractors:\n  - name: tap-erp\n  - name: tap-erp--aim\n", "utf-8")
    rewrite(str(file), {"cimcloud": [DATES]}, {}).write()
    assert file.read_text("utf-8") == (
        "plugins:\n  extractors:\n  - name: tap-erp\n    config:\n      cimcloud:\n"
        "        date_format: YYYY-MM-DD\n  - name: tap-erp--aim\n"
    )


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("meltano.yml", None, "does not exist"),
        ("meltano.yml", "plugins: [", "is no YAML"),
        (
            "meltano.yml",
            "plugins:\n  extractors:\n  - name: tap-x\n",
            "has no extractor of tap-erp",
        ),
        ("config.json", "{", "is no JSON"),
        ("config.json", "[]", "is no JSON object"),
    ],
)
def test_a_file_without_a_place_is_an_error(
    tmp_path: pathlib.Path, name: str, text: str | None, why: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=why):
        rewrite(str(file), {"cimcloud": [DATES]}, {})
    assert not file.exists() or file.read_text("utf-8") == text


@pytest.mark.parametrize("is_new", [False, True])
def test_what_another_one_has_written_meanwhile_is_not_lost(
    tmp_path: pathlib.Path, *, is_new: bool
) -> None:
    file = tmp_path / "config.json"
    if not is_new:
        file.write_text('{"cimcloud": {}}')
    first, second = (rewrite(str(file), {"cimcloud": [one]}, {}) for one in (DATES, KEY))
    first.write()
    with pytest.raises(ConfigError, match="changed meanwhile"):
        second.write()
    assert json.loads(file.read_text()) == {"cimcloud": {"date_format": "YYYY-MM-DD"}}
