"""The fuzzer's inputs to begin with, and small changes to them, without the fuzzer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_openapi import SEEDS, parse
from tests.support.scale import full


@pytest.mark.parametrize("seed", SEEDS)
def test_every_seed_ends(seed: bytes) -> None:
    parse(seed)


@settings(max_examples=full(200, 5_000))
@given(seed=st.sampled_from(SEEDS[3:7]), data=st.data())
def test_seeds_with_other_bytes_end(seed: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(seed)))
    length = data.draw(st.integers(0, 12))
    middle = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"null", b"[]", b"{}", b"&s", b"*s"])
    )
    parse(seed[:start] + middle + seed[start + length :])


WORDS = [
    *("$ref", "get", "post", "put", "responses", "200", "default", "content", "application/json"),
    *("schema", "type", "items", "properties", "allOf", "anyOf", "oneOf", "required", "value"),
    *("parameters", "requestBody", "in", "url", "variables"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=30,
)


@settings(max_examples=full(200, 5_000))
@given(item=JSON, schema=JSON, servers=JSON)
def test_any_content_ends(item: object, schema: object, servers: object) -> None:
    content = {"openapi": "3.0.0", "paths": {"/a/{id}": item, "/a": {"get": item, "post": item}}}
    content |= {"components": {"schemas": {"A": schema}}, "servers": servers}
    parse(json.dumps(content).encode())
