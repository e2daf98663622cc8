"""What an answer says by itself: nothing is a success without a word of the vendor."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.errors import ErpError
from target_erp.delivery import Write
from target_erp.delivery.answers import Answers, AnswerShape, UnclearError
from target_erp.delivery.unclear_answer import speaks_of_trouble
from tests.support.scale import full
from tests.target_erp.acting import Site, answer

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "Message", "errors", "id", "key", "status", "x"]), inner
        )
    ),
    max_leaves=6,
)


@settings(max_examples=full(40, 300), deadline=None)
@given(body=JSON, status=st.sampled_from([200, 201, 202, 204]))
def test_without_a_word_of_the_vendor_nothing_is_a_success(body: t.Any, status: int) -> None:
    writes = [Write(1, Site.stream, {}, (("key", "K-1"),))]
    answers = Answers(Site.stream)
    said = answer(body, status)
    with pytest.raises(UnclearError) as caught:
        answers.check(said, writes)
    error = caught.value
    assert error.may_have_run
    assert error.can_be_learned is not speaks_of_trouble(body, writes)
    if error.can_be_learned:
        answers.learn(error.shape)
        assert answers.is_understood
        answers.check(said, writes)
        assert AnswerShape.parse(json.loads(error.shape.as_json(whole=True))) == error.shape
    with pytest.raises(UnclearError):
        answers.check(answer(b"<!DOCTYPE html><p>log in", status), writes)


@settings(max_examples=full(15, 100), deadline=None)
@given(body=st.binary(max_size=30))
def test_bytes_that_are_no_json_are_never_learned_as_json(body: bytes) -> None:
    with pytest.raises(UnclearError) as caught:
        Answers(Site.stream).check(answer(body), [])
    try:
        json.loads(body)
    except ValueError:
        assert caught.value.shape.type in {"broken", "markup", "text", "empty"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (1, 0),
        ([1], [0]),
        ({"updated": 1, "failed": 0}, {"updated": 0, "failed": 1}),
        ({"result": {"saved": 1}}, {"result": {"saved": 0}}),
        ({"guid": "g"}, {"guid": None}),
        ({"ids": ["a"]}, {"ids": []}),
    ],
)
def test_a_count_that_falls_to_nothing_is_another_answer(good: object, bad: object) -> None:
    answers = Answers(Site.stream)
    with pytest.raises(UnclearError) as caught:
        answers.check(answer(good), [])
    answers.learn(AnswerShape.parse(json.loads(caught.value.shape.as_json(whole=True))))
    answers.check(answer(good), [])
    with pytest.raises(UnclearError):
        answers.check(answer(bad), [])


@pytest.mark.parametrize("given", [{"status": 200}, {"type": "object"}, {"members": ["id"]}])
def test_parts_of_a_shape_that_are_left_out_do_not_matter(given: dict[str, t.Any]) -> None:
    Answers(Site.stream, given=[given]).check(answer({"id": 7}), [])
    with pytest.raises(ErpError):
        Answers(Site.stream, given=[given]).check(answer([7], 201), [])
