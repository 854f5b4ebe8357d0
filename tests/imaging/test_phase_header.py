"""The phase by headers: time after the bolus, codes, attributes, words, and their contradictions."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.imaging.phase import Phase
from server.imaging.phase_header import header_phase
from server.imaging.phase_timing import delay_of, phase_after, seconds_of_day


def ct(**values: object) -> Dataset:
    header = Dataset()
    header.Modality = "CT"
    for keyword, value in values.items():
        setattr(header, keyword, value)
    return header


def timed(acquired: str, bolus: str = "100000", **values: object) -> Dataset:
    return ct(
        ContrastBolusAgent="Iomeprol",
        ContrastBolusStartTime=bolus,
        AcquisitionTime=acquired,
        **values,
    )


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        (-5, Phase.NATIVE), (9.9, Phase.NATIVE), (10, Phase.ARTERIAL_EARLY),
        (29.9, Phase.ARTERIAL_EARLY), (30, Phase.ARTERIAL_LATE), (59.9, Phase.ARTERIAL_LATE),
        (60, Phase.PORTAL_VENOUS), (99.9, Phase.PORTAL_VENOUS), (100, Phase.DELAYED),
        (600, Phase.DELAYED),
    ],
)  # fmt: skip
def test_seconds_after_the_bolus_mean_a_phase(seconds: float, phase: Phase) -> None:
    assert phase_after(seconds) is phase


def test_the_time_after_the_bolus_tells_the_phase_over_midnight() -> None:
    reading = header_phase([timed("000010.5", bolus="235900")])
    assert reading.phase is Phase.PORTAL_VENOUS
    assert "70 s after" in reading.evidence[0]
    assert reading.contrast is True


def test_a_date_and_time_of_acquisition_serves_as_well() -> None:
    header = ct(ContrastBolusStartTime="100000.5", AcquisitionDateTime="20261120100041.5+0100")
    assert header_phase([header]).phase is Phase.ARTERIAL_LATE


def test_the_middle_of_the_series_counts_where_the_time_differs_by_slice() -> None:
    headers = [
        timed(f"1000{20 + 4 * number:02d}", ImagePositionPatient=[0, 0, 5.0 * number])
        for number in range(10)
    ]
    delay = delay_of(list(reversed(headers)))
    assert delay is not None
    assert (delay.first_s, delay.middle_s, delay.last_s) == (20, 38, 56)
    reading = header_phase(headers)
    assert reading.phase is Phase.ARTERIAL_LATE
    assert any("from 20 to 56 s" in sentence for sentence in reading.evidence)


def test_near_a_bound_the_clocks_may_differ() -> None:
    near, far = header_phase([timed("100058")]), header_phase([timed("100045")])
    assert near.phase is far.phase is Phase.ARTERIAL_LATE
    assert near.confidence < far.confidence
    assert "near the bound" in near.evidence[0]


def test_times_that_do_not_belong_together_are_not_used() -> None:
    reading = header_phase([timed("140000")])
    assert reading.phase is Phase.INDETERMINATE
    assert reading.contrast is True
    assert any("do not belong together" in sentence for sentence in reading.evidence)


@pytest.mark.parametrize("value", ["", "25", "999999", "1000", "ten", "100000.x", None, "10:00:70"])
def test_a_time_that_is_none_is_no_error(value: str | None) -> None:
    assert seconds_of_day(value) in (None, 36000.0)
    header = Dataset()
    header.Modality = "CT"
    if value:
        header.add_new("AcquisitionTime", "SH", value)
    assert header_phase([header]).phase in Phase


def test_a_description_alone_is_little_and_with_the_time_is_much() -> None:
    alone = header_phase([ct(SeriesDescription="Leber portalvenös")])
    both = header_phase([timed("100110", SeriesDescription="Leber portalvenös")])
    assert alone.phase is both.phase is Phase.PORTAL_VENOUS
    assert alone.confidence <= 0.5 < 0.8 < both.confidence


def test_headers_that_contradict_each_other_say_so_and_are_less_sure() -> None:
    reading = header_phase([timed("100035", SeriesDescription="Delayed 5 min")])
    assert reading.phase is Phase.ARTERIAL_LATE
    assert reading.evidence[0] == (
        "The headers contradict each other: late arterial against delayed."
    )
    assert reading.confidence < header_phase([timed("100035")]).confidence


def test_a_general_word_gives_way_to_a_special_time() -> None:
    reading = header_phase([timed("100020", SeriesDescription="Arterial")])
    assert reading.phase is Phase.ARTERIAL_EARLY
    assert not reading.evidence[0].startswith("The headers contradict")


def test_no_contrast_attribute_is_a_hint_and_no_proof() -> None:
    reading = header_phase([ct(SeriesDescription="Abdomen 5.0")])
    assert reading.phase is Phase.NATIVE
    assert reading.confidence <= 0.3
    assert reading.contrast is False


def test_two_phases_in_one_description_name_none() -> None:
    reading = header_phase([ct(SeriesDescription="ART + PV", ContrastBolusAgent="x")])
    assert reading.phase is Phase.INDETERMINATE
    assert any("more than one phase" in sentence for sentence in reading.evidence)


def test_contrast_by_mouth_is_not_contrast_in_a_vein() -> None:
    reading = header_phase([ct(ContrastBolusAgent="Gastrografin", ContrastBolusRoute="ORAL")])
    assert reading.phase is Phase.INDETERMINATE
    assert reading.contrast is None


def test_the_code_of_the_enhanced_images_is_found_in_its_sequence() -> None:
    usage, group = Dataset(), Dataset()
    usage.ContrastBolusAgentPhase = "PORTAL_VENOUS"
    group.ContrastBolusUsageSequence = [usage]
    header = ct(SharedFunctionalGroupsSequence=[group], ContrastBolusAgent="Iohexol")
    assert header_phase([header]).phase is Phase.PORTAL_VENOUS


def test_gadoxetate_at_three_minutes_is_transitional_and_at_twenty_hepatobiliary() -> None:
    for text, phase in (
        ("T1 vibe 3 min", Phase.TRANSITIONAL),
        ("T1 vibe 20 min", Phase.HEPATOBILIARY),
    ):
        header = ct(ContrastBolusAgent="Primovist", SeriesDescription=text)
        header.Modality = "MR"
        assert header_phase([header]).phase is phase


def test_the_passes_of_a_dynamic_mr_stand_for_phases() -> None:
    header = ct(TemporalPositionIdentifier=2, NumberOfTemporalPositions=4, ContrastBolusAgent="Gd")
    header.Modality = "MR"
    assert header_phase([header]).phase is Phase.ARTERIAL_LATE


def test_the_phantoms_headers_tell_their_phases() -> None:
    phantom = Phantom("headers", slices=6, rows=64)
    told = [header_phase(phantom.headers(phase)).phase for phase in PHASES]
    assert told == [Phase.NATIVE, Phase.ARTERIAL_LATE, Phase.PORTAL_VENOUS, Phase.DELAYED]


def test_nothing_at_all_tells_nothing() -> None:
    assert header_phase([]).phase is Phase.INDETERMINATE
    assert header_phase([Dataset()]).confidence <= 0.3


@pytest.mark.parametrize(
    "said", ["TAP with contrast", "nach KM", "avec injection", "con contraste", "增强", "造影早期"]
)
def test_a_series_that_says_it_has_contrast_is_not_called_native_for_want_of_attributes(
    said: str,
) -> None:
    reading = header_phase([ct(SeriesDescription=said)])
    assert reading.phase is Phase.INDETERMINATE
    assert reading.contrast is True


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ("transitional 3 min", Phase.TRANSITIONAL),
        ("T1 leberspezifisch Spätphase 20 min", Phase.HEPATOBILIARY),
        ("delayed hepatobiliary", Phase.HEPATOBILIARY),
        ("delayed 3 min", Phase.DELAYED),
    ],
)
def test_late_and_minutes_do_not_contradict_the_special_word_beside_them(
    said: str, phase: Phase
) -> None:
    assert header_phase([ct(Modality="MR", SeriesDescription=said)]).phase is phase
