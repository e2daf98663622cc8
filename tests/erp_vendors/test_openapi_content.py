"""The text of an OpenAPI file: JSON, YAML, and what is neither."""

from __future__ import annotations

import json
import os
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.openapi import content
from erp_vendors.openapi.document import load

if t.TYPE_CHECKING:
    import pathlib


def parsed(text: str) -> t.Any:
    return content.parsed(text.encode(), "demo.openapi (f)")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("--- {200: a, 2020-01-01: b, 1.5: c}", {"200": "a", "2020-01-01": "b", "1.5": "c"}),
        ("--- {true: a, no: b, null: c, ~: d}", {"true": "a", "no": "b", "null": "c", "~": "d"}),
        ("? [a, b]\n: c\n? {d: e}\n: f\n", {"(a key that is no text)": "f"}),
        ("a: [1, 1.0, 2020-01-01, no, on, 0x1f, .inf]", {"a": "1 1.0 2020-01-01 no on 0x1f .inf"}),
        ("a: [true, False, NULL, ~, '', 'null', \"true\"]", None),
        ("a: [!!int x, !!timestamp y, !!binary é, !!float z, !own w]", {"a": "x y é z w"}),
        ("a: !include other.yaml", {"a": "other.yaml"}),
        ("a: &x {k: v, l: w}\nb: {<<: *x, l: z}", {"b": {"k": "v", "l": "z"}}),
        ("a: &x {k: v}\nb: {l: z, <<: [*x, {m: n}]}", {"b": {"k": "v", "l": "z", "m": "n"}}),
        ("a: {<<: text, b: c}", {"a": {"b": "c"}}),
        ("", None),
        ("# nothing\n---\n...\n", None),
    ],
)
def test_yaml_is_taken_literally(text: str, found: t.Any) -> None:
    value = parsed(text)
    if isinstance(found, dict):
        for key, wanted in found.items():
            assert value[key] == (wanted.split() if isinstance(value[key], list) else wanted)
    elif text.startswith("a"):
        assert value == {"a": [True, False, None, None, "", "null", "true"]}
    else:
        assert value is None


def test_a_part_may_hold_itself() -> None:
    value = parsed("a: &a {b: *a}")
    assert value["a"]["b"] is value["a"]


def test_merges_of_merges_end() -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}" for n in range(1, 60)]
    assert parsed("\n".join(lines))["a59"] == {"k": "v"}


def test_numbers_in_json_are_text() -> None:
    digits = "9" * 5_000
    assert parsed(f'{{"a": {digits}, "b": 1e999999, "openapi": 3.0}}') == {
        "a": digits,
        "b": "1e999999",
        "openapi": "3.0",
    }


def test_half_a_character_is_replaced() -> None:
    value = parsed(r'{"a\ud800": "\udc00", "b": "\ud83d\ude00"}')
    json.dumps(value, ensure_ascii=False).encode()
    assert value["b"] == "😀"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON: line 1, column 2"),
        ('{"a": 1} {"b": 2}', "is not JSON: line 1, column 10: Extra data"),
        ("a: *gone", "is not YAML: line 1, column 4: nothing is called &gone"),
        ("a: b\n---\nc: d", "is not YAML: line 2, column 1: a second document begins"),
        ("a: [", "is not YAML"),
        ("a: \x00", "is not YAML"),
        ("\ta: b", "is not YAML"),
        ('{"a":' * 100_000, "is nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "is nested too deeply"),
        ("[" * 100_000, "is nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "is nested too deeply"),
        ("? " * 100_000, "is nested too deeply"),
        ("- " * 100_000, "is nested too deeply"),
        ("\n".join(" " * level + "a:" for level in range(2_000)), "is nested too deeply"),
    ],
)
def test_what_is_neither_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parsed(text)
    assert str(caught.value).startswith("demo.openapi (f) is ")
    assert "\n" not in str(caught.value)


# Files.


def refused(path: pathlib.Path | str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(str(path), "demo.openapi")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_regular_file_is_not_opened(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero", "/dev/null"):
        assert refused(path) == f"demo.openapi ({path}) cannot be read: it is no regular file"


def test_a_file_has_a_limit_while_it_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "api.json"
    with file.open("wb") as stream:
        stream.truncate(10 * content.MAX_BYTES)
    assert "has more than 32 MB" in refused(file)

    # What the system says of a file's size is not relied on.
    monkeypatch.setattr(content, "MAX_BYTES", 100)
    file.write_text(json.dumps({"openapi": "3.0.0", "paths": {}, "x": "y" * 100}))
    assert "has more than" in refused(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "api.json").touch(mode=0)
    assert refused(tmp_path / "api.json").endswith("cannot be read: Permission denied")


@pytest.mark.parametrize("path", ["gone.json", "a\0b", "x" * 300, "~"])
def test_a_path_that_leads_nowhere_is_one_line(tmp_path: pathlib.Path, path: str) -> None:
    assert "cannot be read: " in refused(tmp_path / path if path != "~" else "~nobody-at-all/x")
