"""OpenAPI files with any content, made without the fuzzer."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_openapi import WORDS, parse
from tests.support.scale import full

NAMES = st.sampled_from([word.decode() for word in WORDS])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=30,
)


@settings(max_examples=full(60, 5_000))
@given(item=JSON, schema=JSON, servers=JSON)
def test_any_content_ends(item: object, schema: object, servers: object) -> None:
    content = {"openapi": "3.0.0", "paths": {"/a/{id}": item, "/a": {"get": item, "post": item}}}
    content |= {"components": {"schemas": {"A": schema}}, "servers": servers}
    parse(json.dumps(content).encode())
