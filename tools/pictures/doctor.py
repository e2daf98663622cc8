"""What `erp doctor` says about a site that differs from its vendor's documents."""

from __future__ import annotations

from demo.sandbox import DemoSandbox, block
from erp_cli.doctor import show
from erp_cli.doctor.changes import changes_of
from erp_cli.doctor.examination import examine, plan
from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from tools.pictures.drawing import drawn

_VARIANTS = {
    "cimcloud.date_literal": "iso",
    "cimcloud.stamp_column": "modified_date",
    "cimcloud.past_end": "not-found",
}


def doctor() -> bytes:
    """The summary of an examination, as SVG."""
    with running_sandbox(size=120, variants=_VARIANTS) as sandbox:
        played = DemoSandbox(sandbox.url).vendors()["cimcloud"]
        config = {"cimcloud": block(VENDORS["cimcloud"], played)}
        tap = TapErp(config=config, differs_on_purpose=TapErp.config_jsonschema["properties"])
        report = examine(plan(tap, "cimcloud", (), deep=False, most=None))
        fit = changes_of(report, config["cimcloud"])
    summary = show.summary(show.Shown(report, fit, ()))
    return drawn(summary, "doctor", "erp doctor").encode()
