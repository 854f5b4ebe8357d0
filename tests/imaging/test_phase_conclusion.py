"""Headers and pixels side by side: agreement, contradiction, and a person who decides."""

from __future__ import annotations

from server.imaging.phase import Phase, PhaseReading, conclude, unknown


def reading(phase: Phase, confidence: float) -> PhaseReading:
    return PhaseReading(phase, confidence, (f"because of {phase}",), phase is not Phase.NATIVE)


def test_two_that_agree_strengthen_each_other() -> None:
    found = conclude(reading(Phase.PORTAL_VENOUS, 0.7), reading(Phase.PORTAL_VENOUS, 0.8))
    assert found.used is Phase.PORTAL_VENOUS
    assert found.agrees is True
    assert found.confidence == 0.94


def test_sure_pixels_prevail_over_headers_that_lie_and_the_contradiction_is_told() -> None:
    found = conclude(reading(Phase.PORTAL_VENOUS, 0.9), reading(Phase.ARTERIAL_LATE, 0.8))
    assert (found.used, found.agrees) == (Phase.ARTERIAL_LATE, False)
    assert found.confidence < 0.8
    assert found.evidence[0].startswith("Headers and pixels disagree")


def test_unsure_pixels_do_not_prevail_over_sure_headers() -> None:
    found = conclude(reading(Phase.PORTAL_VENOUS, 0.9), reading(Phase.DELAYED, 0.4))
    assert (found.used, found.agrees) == (Phase.PORTAL_VENOUS, False)


def test_one_that_knows_is_used_alone() -> None:
    found = conclude(reading(Phase.DELAYED, 0.7), unknown("no aorta"))
    assert (found.used, found.agrees) == (Phase.DELAYED, None)
    assert found.confidence < 0.7
    assert conclude(unknown(), reading(Phase.NATIVE, 0.9)).used is Phase.NATIVE


def test_pixels_not_looked_at_and_headers_silent_leave_the_phase_open() -> None:
    found = conclude(unknown("nothing"), None)
    assert (found.used, found.confidence, found.agrees) == (Phase.INDETERMINATE, 0.0, None)


def test_a_person_decides_and_the_readings_stay_visible() -> None:
    found = conclude(
        reading(Phase.PORTAL_VENOUS, 0.9), reading(Phase.DELAYED, 0.9), Phase.ARTERIAL_EARLY
    )
    assert (found.used, found.confidence) == (Phase.ARTERIAL_EARLY, 1.0)
    assert found.set_by_person
    assert "The headers say portal venous." in found.evidence
    assert "The pixels show delayed." in found.evidence


def test_contrast_in_the_pixels_that_no_header_tells_of_is_remarked() -> None:
    shown = PhaseReading(Phase.INDETERMINATE, 0.0, ("aorta 250 HU",), True)
    found = conclude(reading(Phase.NATIVE, 0.3), shown)
    assert "The headers say without contrast, the pixels look with it." in found.evidence


def test_a_phase_of_the_headers_that_the_pixels_exclude_is_nobodys() -> None:
    excluded = frozenset({Phase.NATIVE, Phase.DELAYED})
    between = PhaseReading(Phase.INDETERMINATE, 0.0, ("aorta 200 HU",), True, {}, excluded)
    found = conclude(reading(Phase.DELAYED, 0.9), between)
    assert (found.used, found.confidence) == (Phase.INDETERMINATE, 0.0)
    assert found.evidence[0] == (
        "The headers say delayed, which the pixels exclude. A person has to say."
    )
    assert conclude(reading(Phase.PORTAL_VENOUS, 0.9), between).used is Phase.PORTAL_VENOUS


def test_headers_that_the_pixels_contradict_are_never_sure() -> None:
    found = conclude(reading(Phase.PORTAL_VENOUS, 0.95), reading(Phase.DELAYED, 0.4))
    assert found.used is Phase.PORTAL_VENOUS
    assert found.confidence < 0.5
