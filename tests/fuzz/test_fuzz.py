"""All targets of the fuzzer, fed with their seeds and small changes to them."""

from __future__ import annotations

import importlib
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import NAMES
from tests.support.scale import full

TARGETS: dict[str, t.Any] = {
    name: importlib.import_module(f"tests.fuzz.fuzz_{name}") for name in NAMES
}


def test_the_four_readers_of_foreign_text_are_targets() -> None:
    assert {"aim_xml", "openapi", "pentamic_json", "singer_input"} <= TARGETS.keys()


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        pytest.param(name, seed, id=f"{name}-{number}")
        for name, target in TARGETS.items()
        for number, seed in enumerate(target.SEEDS)
    ],
)
def test_every_seed_is_read_or_refused(name: str, seed: bytes) -> None:
    TARGETS[name].parse(seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=full(60, 5_000))
@given(data=st.data())
def test_seeds_with_other_bytes_are_read_or_refused(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    text = data.draw(st.sampled_from([seed for seed in target.SEEDS if len(seed) < 2_000]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        middle = data.draw(st.sampled_from(target.WORDS) | st.binary(max_size=4))
        text = text[:start] + middle + text[start + length :]
    target.parse(text)
