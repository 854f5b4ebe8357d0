"""Bodies that lie the other way round than their headers say, and those that only look like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.imaging.fitness import fitness
from server.imaging.landmarks import Landmark
from server.imaging.look import look_at
from server.imaging.phase import PIXELS_PREVAIL_FROM, Phase
from server.imaging.protocols import protocol_named
from server.imaging.turning import FRONT_BACK, LEFT_RIGHT, UP_DOWN, flipped
from server.imaging.wording import said
from tests.imaging.bodies import Body, volume
from tests.imaging.made_series import ON, series, whole


@pytest.mark.parametrize(
    ("phase", "ways"),
    [
        ("arterial_late", (FRONT_BACK,)),
        ("arterial_late", (FRONT_BACK, LEFT_RIGHT)),
        ("native", (UP_DOWN, LEFT_RIGHT)),
        ("portal_venous", (UP_DOWN,)),
    ],
    ids=[
        "mirrored front to back",
        "prone said to be supine",
        "feet said first",
        "numbered upwards",
    ],
)
def test_a_turned_body_is_recognised_and_never_outvotes_its_headers(
    phase: str, ways: tuple[str, ...]
) -> None:
    lying = volume(Body(phase, seed=11), thickness_mm=8.0, rows=128)
    for way in ways:
        lying = flipped(lying, way)
    look = look_at(lying)
    assert set(look.coverage.turned) == set(ways)
    assert look.phase.phase is Phase(phase)
    assert look.phase.confidence < PIXELS_PREVAIL_FROM
    assert "a person has to look" in " ".join(look.phase.evidence)
    dome = look.coverage.landmarks[Landmark.LIVER_DOME]
    assert dome.shown
    assert dome.confidence < 0.6


def test_a_body_as_its_headers_say_is_not_turned_whatever_else_is_odd_about_it() -> None:
    for body in (Body("native", ascites=True), Body("delayed", scale=0.8, scoliosis_mm=15.0)):
        assert look_at(volume(body, thickness_mm=8.0, rows=128)).coverage.turned == ()


def test_a_turned_body_is_a_finding_that_says_what_was_seen_and_what_to_do() -> None:
    facts = series(coverage=replace(whole(), turned=(FRONT_BACK, LEFT_RIGHT)))
    protocol = protocol_named("liver-ct")
    (found,) = [
        one for one in fitness(facts, protocol, protocol.wants[1], ON) if one.id == "body_turned"
    ]
    text, fix = said(found, "en")
    assert "the spine in front" in text
    assert "the liver on the left" in text
    assert "PatientPosition" in fix
