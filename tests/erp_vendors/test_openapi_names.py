"""Which operations become what: names, records and lists, answers, servers, sinks."""

from __future__ import annotations

import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.openapi.paths import joined, names_of, segments_of, snake
from erp_vendors.openapi.pattern import Pattern
from erp_vendors.vendors import VENDORS
from tests.erp_vendors.openapi_files import (
    Content,
    Save,
    body,
    document,
    many,
    only,
    ref,
    reply,
    saver,
)

if t.TYPE_CHECKING:
    import pathlib

ROWS = {"get": reply(many("Base"))}


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


# Names.

SEGMENTS = st.sampled_from(
    ["a", "A", "a-b", "a_b", "v1", "v2", "{id}", "Ü", "ü", "товары", "商品", "123", "$", "b.c"]
)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda words: "/" + "/".join(words))
FILES = st.lists(PATHS, max_size=8)


@given(paths=FILES, data=st.data())
def test_every_path_has_a_name_of_its_own_whatever_the_order(
    paths: list[str], data: st.DataObject
) -> None:
    names = names_of(paths)
    short = [name for name, _ in names.values()]
    assert set(names) == set(paths)
    assert len(set(short)) == len(short)
    assert all(re.fullmatch("[a-z0-9_]+", name) for pair in names.values() for name in pair)
    assert names_of(data.draw(st.permutations(paths))) == names


@given(paths=FILES, more=st.lists(SEGMENTS, min_size=5, max_size=6))
def test_a_longer_path_that_is_added_renames_nothing(paths: list[str], more: list[str]) -> None:
    before = {path: name for path, name in names_of(paths).items() if "{" not in path}
    after = names_of([*paths, "/" + "/".join(["x", *more, "{no}"])])
    numbered = re.compile(r"_\d+$")
    for path, (name, _) in before.items():
        if not numbered.search(name):
            assert after[path][0] == name


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/orders", "/orders/notes", "/orders/{id}/notes"], ["orders", "notes", "orders_notes"]),
        (["/codes/v1/divisions", "/wip/v1/divisions"], ["codes_divisions", "wip_divisions"]),
        (["/codes/divisions", "/a/b/divisions"], ["divisions", "b_divisions"]),
        (["/a/v1/items", "/a/v2/items"], ["a_v1_items", "a_v2_items"]),
        (["/a-b", "/a_b", "/a.b"], ["a_b", "a_b_3", "a_b_2"]),
        (["/Kunden/Übersicht", "/123"], ["ubersicht", "123"]),
        (["/$", "/-"], ["list", "list_2"]),
    ],
)
def test_equal_words_make_longer_names_or_numbers(paths: list[str], names: list[str]) -> None:
    assert [names_of(paths)[path][0] for path in paths] == names


def test_words_of_other_scripts_have_names_that_do_not_depend_on_the_others() -> None:
    alone = {word: snake(word) for word in ("товары", "商品", "Größe")}
    assert len(set(alone.values())) == 3
    assert alone["Größe"] == "grosse"
    assert {path: name for path, (name, _) in names_of(["/товары", "/商品"]).items()} == {
        f"/{word}": alone[word] for word in ("товары", "商品")
    }


def test_a_path_that_is_left_out_keeps_its_name_free(save: Save) -> None:
    broken = {"/codes/divisions": {"get": reply(ref("Gone"))}, "/wip/divisions": ROWS}
    assert list(only(save(document(broken)))) == ["wip_divisions"]


# Records and lists.


@given(path=PATHS)
def test_segments_make_the_path_again(path: str) -> None:
    assert joined(segments_of(path)) == path


@pytest.mark.parametrize(
    "record",
    [
        "/Orders/{id}",
        "/orders/{id}",
        "/Orders({id})",
        "/Orders('{id}')",
        "/Orders(id={id},no='{no}')",
        "/ORDERS({id})",
    ],
)
@pytest.mark.parametrize("vendor", ["aim", "aims360", "pentamic"])
def test_a_record_is_no_list_and_belongs_to_its_list(save: Save, record: str, vendor: str) -> None:
    one = {"get": reply(ref("Base")), "put": body(ref("Base")), "patch": body(ref("Base"))}
    found = only(save(document({"/Orders": ROWS, record: one})), VENDORS[vendor].openapi)
    (orders,) = found.values()
    assert (orders.name, orders.path, orders.readable) == ("orders", "/Orders", True)
    assert not orders.creates

    alone = only(save(document({record: one}), "b.json"), VENDORS[vendor].openapi)
    assert [(item.readable, item.creates) for item in alone.values()] == [(False, False)]


def test_a_key_in_parentheses_is_no_search_and_no_page(save: Save) -> None:
    paths = {"/Orders/{search}/{page}": ROWS, "/Lots({id})": ROWS}
    found = only(save(document(paths)), VENDORS["cimcloud"].openapi)
    assert {name: item.readable for name, item in found.items()} == {"orders": True, "lots": False}


def test_a_list_below_a_record_in_parentheses(save: Save) -> None:
    paths = {"/Orders": ROWS, "/Orders({id})/Lines": ROWS, "/Orders({id})/Lines({no})": ROWS}
    found = only(save(document(paths)), VENDORS["aims360"].openapi)
    assert {item.path: item.readable for item in found.values()} == {
        "/Orders": True,
        "/Orders({id})/Lines": False,
    }


# Sinks.


@pytest.mark.parametrize(
    ("methods", "creates"),
    [
        (["put"], False),
        (["patch"], False),
        (["post"], True),
        (["put", "post"], True),
        (["post", "put"], True),
    ],
)
def test_only_a_post_creates(save: Save, methods: list[str], *, creates: bool) -> None:
    paths = {"/notes": {method: body(ref("Base")) for method in methods}}
    found = only(save(document(paths)))
    assert any(item.creates for item in found.values()) is creates


def test_the_post_outranks_the_put_wherever_it_stands(save: Save) -> None:
    post, put = body({"properties": {"a": {}}}), body({"properties": {"b": {}}})
    for paths in (
        {"/notes": {"post": post}, "/notes/{id}": {"put": put}},
        {"/notes/{id}": {"put": put}, "/notes": {"post": post, "put": put}},
    ):
        notes = only(save(document(paths)))["notes"]
        assert list((notes.write_schema or {})["properties"]) == ["a"]


# Answers.


@pytest.mark.parametrize(
    ("responses", "readable"),
    [
        (["default"], True),
        (["404", "default"], True),
        (["2XX"], True),
        (["200"], True),
        # A success without content: what `default` describes are errors.
        ([], False),
    ],
)
def test_a_default_answer_is_an_answer(save: Save, responses: list[str], *, readable: bool) -> None:
    rows = reply(many("Base"))["responses"]["200"]
    content: Content = dict.fromkeys(responses, rows) or {"204": {}, "default": rows}
    found = only(save(document({"/rows": {"get": {"responses": content}}})))
    assert any(item.readable for item in found.values()) is readable


# Servers.


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ({"url": "https://x.example/v2"}, "/v2/orders"),
        (
            {
                "url": "https://{host}/{base}",
                "variables": {"host": {"default": "x.example"}, "base": {"default": "v2/{"}},
            },
            "/v2/{/orders",
        ),
        (
            {
                "url": "https://{host}:{port}/{base}/",
                "variables": {"base": {"default": "/api/v2"}, "port": {"default": "1"}},
            },
            "/api/v2/orders",
        ),
        ({"url": "https://{host}/api", "variables": []}, "/api/orders"),
        ({"url": "https://{host}/api", "variables": {"host": None}}, "/api/orders"),
        ({"url": "https://[half/api"}, "/orders"),
        ({"url": None}, "/orders"),
        ({}, "/orders"),
        (5, "/orders"),
    ],
)
def test_server_variables_have_their_defaults(save: Save, server: t.Any, path: str) -> None:
    content = {**document({"/orders": ROWS}), "servers": [server]}
    (item,) = only(save(content)).values()
    assert item.path == path


@pytest.mark.parametrize("site", [{}, {"site_name": "shop"}, {"site_name": "Demo"}])
def test_a_variable_may_stand_for_a_part_of_the_prefix(save: Save, site: Content) -> None:
    content = document({"/stock": ROWS})
    content["servers"] = [
        {
            "url": "https://api.example/{sitename}",
            "variables": {"sitename": {"default": "demo"}},
        }
    ]
    (item,) = only(save(content), VENDORS["cimcloud"].openapi, **site).values()
    assert item.path == "/stock"


def test_without_a_prefix_that_fits_the_path_stays(save: Save) -> None:
    content = {**document({"/stock": ROWS}), "basePath": 5}
    (item,) = only(save(content), Pattern(prefix="/api")).values()
    assert item.path == "/stock"
