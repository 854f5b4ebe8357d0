"""The texts over the generated ones: what is kept, what is taken back, what is refused. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.opinions.drafts import (
    LONGEST_TEXT,
    PARTS,
    Draft,
    Written,
    changed,
    draft_of_json,
    draft_problems,
    generated_texts,
    missing_parts,
    same_texts,
    sha256_of,
    text_changes,
    written_into,
)
from server.opinions.key_images import MOST_IMAGES
from tests.opinions import samples

TODAY = date(2026, 11, 20)
GENERATED = generated_texts(samples.PANCREAS)
KEYS = [part.key for part in PARTS]
TEXTS = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=60)


def test_without_own_texts_the_opinion_is_as_generated() -> None:
    assert written_into(samples.PANCREAS, Draft()) == samples.PANCREAS


def test_an_own_text_stands_in_the_opinion_and_remembers_what_it_replaced() -> None:
    draft = changed(Draft(), {"texts": {"answer": "No."}}, GENERATED)
    assert draft.texts["answer"] == Written("No.", sha256_of(GENERATED["answer"]))
    assert written_into(samples.PANCREAS, draft).answer == "No."


def test_an_image_left_out_makes_room_for_the_next_of_more_than_can_be_printed() -> None:
    images = tuple(replace(samples.KEY_IMAGE, pointer=f"/v{n}") for n in range(MOST_IMAGES + 2))
    opinion = replace(samples.PANCREAS, key_images=images)
    assert written_into(opinion, Draft()).key_images == images[:MOST_IMAGES]
    chosen = changed(Draft(), {"images_left_out": ["/v0"]}, GENERATED)
    assert written_into(opinion, chosen).key_images == images[1 : MOST_IMAGES + 1]


def test_each_line_of_a_list_is_an_item() -> None:
    draft = changed(Draft(), {"texts": {"conditions": "one\n\n  two  "}}, GENERATED)
    assert written_into(samples.PANCREAS, draft).conditions == ("one", "two")


def test_an_empty_text_leaves_the_part_out() -> None:
    draft = changed(Draft(), {"texts": {"recommendation": ""}}, GENERATED)
    assert written_into(samples.PANCREAS, draft).recommendation == ""


@pytest.mark.parametrize("key", KEYS)
def test_the_generated_text_is_taken_again(key: str) -> None:
    own = changed(Draft(), {"texts": {key: "own words"}}, GENERATED)
    for again in (None, GENERATED[key], f"{GENERATED[key]}\r\n"):
        assert changed(own, {"texts": {key: again}}, GENERATED) == Draft()


def test_saving_an_own_text_again_does_not_forget_over_what_it_was_written() -> None:
    own = changed(Draft(), {"texts": {"answer": "No."}}, GENERATED)
    later = GENERATED | {"answer": "Something else is generated now."}
    assert changed(own, {"texts": {"answer": "No."}}, later) == own
    assert changed(own, {"texts": {"answer": "Yes."}}, later) != own


@given(st.dictionaries(st.sampled_from(KEYS), TEXTS))
def test_whatever_is_written_is_kept_and_read_back(texts: dict[str, str]) -> None:
    draft = changed(Draft(), {"texts": texts, "categories": ["trial"]}, GENERATED)
    assert draft_of_json(json.loads(json.dumps(draft.to_json()))) == draft
    written = generated_texts(written_into(samples.PANCREAS, draft))
    for part in PARTS:
        lines = draft.texts[part.key].text if part.key in draft.texts else GENERATED[part.key]
        assert written[part.key].split() == lines.split()


def test_what_is_not_sent_stays() -> None:
    draft = changed(Draft(), {"status": "final", "basis": "in_person"}, GENERATED)
    draft = changed(draft, {"texts": {"answer": "No."}, "assessed_on": "2026-11-19"}, GENERATED)
    assert (draft.status, draft.basis) == ("final", "in_person")
    assert draft.assessed_on == date(2026, 11, 19)


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"texts": []}, "/texts"),
        ({"texts": {"verdict": "x"}}, "/texts/verdict"),
        ({"texts": {"answer": 5}}, "/texts/answer"),
        ({"texts": {"answer": "x" * (LONGEST_TEXT + 1)}}, "/texts/answer"),
        ({"status": "draft"}, "/status"),
        ({"status": ["final"]}, "/status"),
        ({"basis": "I say so"}, "/basis"),
        ({"language": "de"}, "/language"),
        ({"paper": "a3"}, "/paper"),
        ({"categories": "trial"}, "/categories"),
        ({"categories": ["cured"]}, "/categories"),
        ({"categories": [["trial"]]}, "/categories"),
        ({"images_left_out": ["../etc"]}, "/images_left_out"),
        ({"assessed_on": "yesterday"}, "/assessed_on"),
        ({"assessed_on": 20261119}, "/assessed_on"),
        ({"assessed_on": "2026-11-21"}, "/assessed_on"),
    ],
)
def test_what_cannot_be_kept_is_named(sent: dict[str, Any], pointer: str) -> None:
    assert [one.pointer for one in draft_problems(sent, TODAY)] == [pointer]


def test_an_opinion_without_the_wanted_parts_is_told_so() -> None:
    bare = replace(samples.PANCREAS, answer="", conversion=None)
    said = " ".join(missing_parts(bare, Draft()))
    assert "Answer to the question: nothing is written." in said
    assert "The verdict asks for a reassessment" in said
    assert "no finding is chosen" in said
    assert missing_parts(samples.PANCREAS, Draft(categories=("convertible",))) == []


def test_an_amendment_tells_the_texts_that_were_written_anew_and_no_others() -> None:
    draft = changed(Draft(), {"texts": {"alternatives": "None."}}, GENERATED)
    after = replace(written_into(samples.PANCREAS, draft), recommendation="As generated now.")
    generated = GENERATED | {"recommendation": "As generated now."}
    [change] = text_changes(samples.PANCREAS, after, generated)
    assert (change.label, change.after) == ("Alternatives", "None.")
    assert not same_texts(samples.PANCREAS, after)
    assert same_texts(samples.PANCREAS, replace(samples.PANCREAS, number="another"))
