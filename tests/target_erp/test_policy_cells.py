"""Each vendor and each mode, rule and policy: a case on the sandbox, or an error at start."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.delivery.policy import FieldRule, Mode
from target_erp.policy_settings import POLICY_SETTINGS, check_policy
from target_erp.target import TargetErp
from tests.target_erp import test_policies, test_policies_aims360
from tests.target_erp.shops import SHOPS
from tests.target_erp.test_policy_settings import BLOCKS

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.shops import Row

Cell = tuple[str, str]
VALUES: dict[str, t.Sequence[str]] = {
    "mode": [mode.value for mode in Mode],
    "match_on": [""],
    "fields": ["a list", *(rule.value for rule in FieldRule)],
    "on_conflict": ["overwrite", "refuse"],
    "max_records": [""],
    "only": [""],
}
"""What each key of an entry of `sinks` may be; nothing where its value does not matter."""
CELLS = [(key, value) for key, values in VALUES.items() for value in values]
DEFAULTS = {("mode", "upsert"), ("on_conflict", "overwrite")}
TESTS: dict[str, t.Any] = {
    "match_on": test_policies.test_the_key_of_the_sync_finds_the_record,
    "max_records": test_policies.test_a_trial_leaves_the_others_to_a_later_run,
    "only": test_policies.test_a_trial_leaves_the_others_to_a_later_run,
}
"""The tests of keys that stand in no table of cases."""
SINKS = {"aims360": "aims360_orders", **{name: shop.stream for name, shop in SHOPS.items()}}


def _cells(policy: Row) -> set[Cell]:
    """The cells that a policy belongs to."""
    found = DEFAULTS if not policy else set()
    for key, value in policy.items():
        if key == "fields":
            rules = ["a list"] if isinstance(value, list) else value.values()
            found |= {(key, rule) for rule in rules}
        else:
            found |= {(key, value if key in {"mode", "on_conflict"} else "")}
    return found


def _covered(vendor: str) -> set[Cell]:
    """The cells of a vendor that have a case on the sandbox."""
    if vendor == "aims360":
        policies = [case.policy for case in test_policies_aims360.CASES.values()]
        return set().union(*map(_cells, policies))
    there = [case.policy for case in test_policies.THERE.values()]
    absent = [policy for policy, _ in test_policies.ABSENT.values()]
    by_tests = {(key, "") for key, test in TESTS.items() if vendor in _vendors_of(test)}
    return set().union(by_tests, *map(_cells, (*there, *absent)))


def _vendors_of(test: t.Any) -> t.Collection[str]:
    return next(m.args[1] for m in test.pytestmark if m.name == "parametrize")


def _policy(vendor: str, key: str, value: str) -> Row:
    name = SHOPS[vendor].text[0] if vendor in SHOPS else "thirdPartyOrderID"
    others: Row = {"match_on": name, "max_records": 1, "only": ["a"]}
    if key == "fields":
        return {key: [name] if value == "a list" else {name: value}}
    return {key: others.get(key, value)}


def test_every_key_and_every_vendor_has_its_cells() -> None:
    assert {setting.name for setting in POLICY_SETTINGS} == set(VALUES)
    for setting in POLICY_SETTINGS:
        assert not setting.options or set(setting.options) == set(VALUES[setting.name])
    assert set(SINKS) == set(VENDORS)


@pytest.mark.parametrize(("key", "value"), CELLS, ids=lambda word: word or "any")
@pytest.mark.parametrize("vendor", SINKS)
def test_a_cell_has_a_case_or_is_refused_at_start(
    vendor: str, key: str, value: str, tmp_path: pathlib.Path
) -> None:
    sink = SINKS[vendor]
    config = {
        vendor: BLOCKS[vendor],
        "sinks": {sink: _policy(vendor, key, value)},
        "ledger": str(tmp_path / "ledger.sqlite"),
        "dead_letters": str(tmp_path / "dead"),
        "report_file": "none",
    }
    if (key, value) in _covered(vendor):
        check_policy(TargetErp(config=config).run.writers.get(sink, ())[0], deletes=False)
    else:
        with pytest.raises(ConfigError, match=rf"'sinks\.{sink}\.{key}' is "):
            TargetErp(config=config).run.writers.get(sink, ())
