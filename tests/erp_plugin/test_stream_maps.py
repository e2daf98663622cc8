"""Stream maps that meet nothing are told, and none that does its work."""

from __future__ import annotations

import logging
import typing as t

import pytest

from erp_plugin.stream_maps import tell_of_unused

COLUMNS = {"staff": {"code", "name", "iban"}, "orders": {"id", "lines"}}
STREAMS = {*COLUMNS, "quiet"}


def told(maps: t.Any, caplog: pytest.LogCaptureFixture) -> list[str]:
    tell_of_unused(maps, STREAMS, COLUMNS, logging.getLogger("maps"), side="the input")
    return caplog.messages


@pytest.mark.parametrize(
    ("maps", "named"),
    [
        ({"staff": {"IBAN": None}}, "'IBAN', and no SCHEMA of the stream has it"),
        ({"staff": {"IBAN": None}}, "did you mean 'iban'?"),
        ({"staff": {"iban2": "__NULL__"}}, "'iban2'"),
        ({"staff": {"x": "nam.upper()"}}, "'nam'"),
        ({"staff": {"x": "str(nam) + name"}}, "'nam'"),
        ({"staff": {"x": "_['nam']"}}, "'nam'"),
        ({"staff": {"x": "record.get('nam', 1)"}}, "'nam'"),
        ({"staff": {"x": "md5(self)"}}, "'x'"),
        ({"staff": {"__filter__": "activ"}}, "'activ'"),
        ({"*": {"iban2": None}}, "'iban2'"),
        ({"people": {"__source__": "staff", "x": "nam"}}, "'nam'"),
        ({"stuff": {"x": None}}, "stuff, and the input had no stream"),
        ({"people": {"__source__": "stuff"}}, "people, and the input had no stream"),
    ],
    ids=str,
)
def test_what_meets_nothing_is_told_once(
    maps: t.Any, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    (said,) = told(maps, caplog)
    assert named in said


@pytest.mark.parametrize(
    "maps",
    [
        {},
        {"__else__": None, "staff": {"iban": None, "__else__": None}},
        {"*": {"iban": None}, "quiet": {"anything": None}, "st*": {"iban": "__NULL__"}},
        {"staff": None, "orders": "__NULL__"},
        {"staff": {"x": "name + str(json.loads(iban)) + config['x'] + __stream_name__"}},
        {"staff": {"x": "[one for one in name if one]", "name": "self.strip()", "y": "'a'"}},
        {"staff": {"x": "bool(name) if _['iban'] else record.get('code')", "z": "1 +"}},
        {"staff": {"x": "datetime.date.today()", "__alias__": "aimsio_employees"}},
        {"staff": {"__key_properties__": ["nam"], "__filter__": "name != 'x'"}},
        {"people": {"__source__": "staff", "iban": None}},
    ],
    ids=str,
)
def test_what_does_its_work_says_nothing(maps: t.Any, caplog: pytest.LogCaptureFixture) -> None:
    assert told(maps, caplog) == []
