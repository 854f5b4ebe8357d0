"""What values were seen on: kept beside the answers, refused where it binds nothing, printed."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.organs import ORGANS, Organ
from server.annotations.summary import Row, sections
from server.annotations.validation import problems

PANCREAS = ORGANS["pancreas"]
CONTACT = "/vessels/sma/contact_deg"
KEY_IMAGE: dict[str, Any] = {
    "kind": "key_image",
    "state": "supported",
    "image": {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "SOPInstanceUID": "1.4"},
    "series": "series 4 portal venous",
    "image_number": 34,
}
VIEW: dict[str, Any] = {
    "middle_mm": [-12.4, 30.0, -1092.0],
    "width_mm": 118.5,
    "height_mm": 92.0,
    "rotation_deg": 90,
    "flipped_horizontally": True,
}
ANGLE = {
    **KEY_IMAGE,
    "kind": "angle",
    "value": 118.0,
    "unit": "deg",
    "points_mm": [[0.0, 1.5, 2.0]],
    "measurement": "7f3",
}


def answered(entry: dict[str, Any], pointer: str = CONTACT) -> dict[str, Any]:
    return {"vessels": {"sma": {"contact_deg": 118}}, "evidence": {pointer: entry}}


def row(answers: dict[str, Any], label: str) -> Row:
    found = sections(PANCREAS, answers, [])
    return next(row for section in found for row in section.rows if row.label == label)


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_every_organ_takes_evidence_for_its_verdict(organ: Organ) -> None:
    answers = {"verdict": "resectable_now", "evidence": {"/verdict": KEY_IMAGE}}
    assert problems(organ, answers) == []


@pytest.mark.parametrize(
    "entry",
    [KEY_IMAGE, ANGLE, {**KEY_IMAGE, "state": "unsupported"}, {**KEY_IMAGE, "view": VIEW}],
)
def test_evidence_of_any_kind_is_kept(entry: dict[str, Any]) -> None:
    assert problems(PANCREAS, answered(entry)) == []


@pytest.mark.parametrize(
    "pointer", ["/vessels/sma", "/vessels/smaa/contact_deg", "/evidence", "sma"]
)
def test_evidence_for_what_is_no_field_is_refused_there(pointer: str) -> None:
    [problem] = problems(PANCREAS, answered(ANGLE, pointer))
    assert problem.pointer == "/evidence/" + pointer.replace("/", "~1")
    assert "nothing can be bound" in problem.message


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"kind": "hearsay"}, "/kind"),
        ({"value": -4}, "/value"),
        ({"image": {**KEY_IMAGE["image"], "SOPInstanceUID": "not a UID"}}, "/image/SOPInstanceUID"),
        ({"points_mm": [[1.0]]}, "/points_mm/0"),
        ({"colour": "red"}, "/colour"),
        ({"view": {**VIEW, "width_mm": 0}}, "/view/width_mm"),
        ({"view": {**VIEW, "rotation_deg": 360}}, "/view/rotation_deg"),
        ({"view": {**VIEW, "middle_mm": [1.0, 2.0]}}, "/view/middle_mm"),
        ({"view": {"middle_mm": [1, 2, 3], "width_mm": 100}}, "/view/height_mm"),
    ],
)
def test_an_entry_that_is_wrong_is_refused_at_the_place(change: dict[str, Any], at: str) -> None:
    [problem] = problems(PANCREAS, answered({**ANGLE, **change}))
    assert problem.pointer == "/evidence/" + CONTACT.replace("/", "~1") + at


def test_what_is_wrong_with_a_view_is_named() -> None:
    [problem] = problems(
        PANCREAS, answered({**KEY_IMAGE, "view": {**VIEW, "middle_mm": [1.0, 2.0]}})
    )
    assert problem.message.endswith(': "middle_mm" must be a list of 3 values; a list was given.')


@pytest.mark.parametrize("evidence", [4, [], None, "x", {"": 3}, {CONTACT: []}])
def test_evidence_of_another_shape_is_refused_and_never_breaks(evidence: object) -> None:
    answers = {"vessels": {"sma": {"contact_deg": 118}}, "evidence": evidence}
    assert problems(PANCREAS, answers)


def test_no_ruleset_reads_evidence() -> None:
    bare = {"vessels": {"sma": {"contact_deg": 118}}}
    told = [one.to_json() for one in PANCREAS.evaluate(answered(ANGLE))]
    assert told == [one.to_json() for one in PANCREAS.evaluate(bare)]


def test_the_opinion_says_where_a_value_was_seen() -> None:
    said = row(answered(ANGLE), "Superior mesenteric artery").note
    assert said == "seen on series 4 portal venous, image 34 (angle 118°)"


def test_the_opinion_says_that_a_measurement_was_deleted() -> None:
    said = row(answered({**ANGLE, "state": "unsupported"}), "Superior mesenteric artery").note
    assert said.endswith("(angle 118°; the measurement was deleted since)")


def test_evidence_without_its_value_is_not_printed() -> None:
    answers = {**answered(ANGLE), "vessels": {"sma": {"contact_kind": "solid"}}}
    assert row(answers, "Superior mesenteric artery").note == ""
