"""Pictures show what was recorded; what was not assessed never looks like no contact."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest

from server.opinions.document import FlrThreshold, VesselContact
from server.opinions.figures import clock_face, remnant_bar
from server.opinions.wording import against, angle_words, printable
from tests.opinions import samples

SVG = "{http://www.w3.org/2000/svg}"
MEASURED = samples.LIVER.volumes[0]


def title_of(svg: str) -> str:
    return fromstring(svg).findtext(f"{SVG}title") or ""


@pytest.mark.parametrize("state", ["not_assessed", "not_visible"])
def test_a_vessel_that_was_not_assessed_is_a_dashed_ring_without_an_angle(state: str) -> None:
    face = clock_face(VesselContact("SMA", state))  # type: ignore[arg-type]
    assert "stroke-dasharray" in face
    assert "°" not in face
    assert "no contact" not in title_of(face)


def test_a_vessel_without_contact_is_a_whole_ring_with_zero_degrees() -> None:
    face = clock_face(VesselContact("SMA", "measured", 0))
    assert "stroke-dasharray" not in face
    assert "0°" in face
    assert "<path" not in face
    assert title_of(face) == "SMA: no contact"


@pytest.mark.parametrize(
    ("contact_deg", "large_arc", "end"),
    [(90, "0", ("37.00", "22.00")), (180, "0", ("22.00", "37.00")), (270, "1", ("7.00", "22.00"))],
)
def test_an_arc_ends_where_the_clock_says(
    contact_deg: int, large_arc: str, end: tuple[str, str]
) -> None:
    face = clock_face(VesselContact("SMA", "measured", contact_deg, kind="solid"))
    found = re.search(r"A15 15 0 (\d) 1 (\S+) (\S+)\"", face)
    assert found is not None
    assert found.group(1) == large_arc
    assert found.group(2, 3) == end


def test_a_contact_all_round_is_a_closed_ring() -> None:
    face = clock_face(VesselContact("SMA", "measured", 360, kind="solid"))
    assert "<path" not in face
    assert 'stroke-width="4.2"' in face


def test_stranding_alone_is_worded_and_drawn_apart_from_no_contact() -> None:
    haze = VesselContact("GDA", "measured", 0, kind="haze_only")
    assert angle_words(haze) == "stranding only, no solid contact"
    clear = VesselContact("GDA", "measured", 0, kind="none")
    assert clock_face(haze) != clock_face(clear)


def test_hostile_names_stay_text_in_a_picture() -> None:
    face = clock_face(VesselContact("</title><script>x</script>", "measured", 10))
    assert "<script" not in face
    assert title_of(face) == "</title><script>x</script>: 10° of 360°"


def test_the_bar_is_as_long_as_the_remnant_on_the_scale() -> None:
    bar = fromstring(remnant_bar(MEASURED, ()))
    rail, remnant, band = bar.findall(f"{SVG}rect")
    width = float(rail.attrib["width"])
    assert float(remnant.attrib["width"]) == pytest.approx(width * 28.0 / 60.0, abs=0.1)
    assert float(band.attrib["width"]) == pytest.approx(width * 5.6 / 60.0, abs=0.1)


def test_the_bar_says_in_words_what_it_shows() -> None:
    title = title_of(remnant_bar(MEASURED, samples.LIVER.thresholds)).replace("\xa0", " ")
    assert "remnant 28 %, uncertainty 25.2 % to 30.8 %, 420 mL" in title
    assert "30 % chemotherapy" in title


def test_labels_of_near_thresholds_do_not_print_over_each_other() -> None:
    near = tuple(FlrThreshold(p, "normal liver", "TLV", "S", "sourced") for p in (25.0, 26.6, 28.0))
    texts = fromstring(remnant_bar(MEASURED, near)).findall(f"{SVG}text")
    heights = {t.attrib["y"] for t in texts if t.attrib["font-size"] == "8.5"}
    assert len(heights) == 3


def test_a_volume_without_a_remnant_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="no FLR"):
        remnant_bar(samples.LIVER.volumes[1], ())


@pytest.mark.parametrize(
    ("threshold_percent", "said"),
    [
        (25.2, "the whole band reaches the threshold"),
        (25.3, "the threshold lies inside the band, so this measurement does not decide"),
        (30.8, "the threshold lies inside the band, so this measurement does not decide"),
        (30.9, "the whole band is below the threshold"),
    ],
)
def test_a_band_is_held_against_a_threshold(threshold_percent: float, said: str) -> None:
    threshold = FlrThreshold(threshold_percent, "t", MEASURED.denominator, "S", "sourced")
    assert against(MEASURED, threshold) == said


def test_a_threshold_of_another_denominator_is_marked_as_such() -> None:
    threshold = FlrThreshold(20.0, "t", "formula sTLV", "S", "sourced")
    assert "another denominator" in against(MEASURED, threshold)
    assert "another" not in against(replace(MEASURED, denominator="formula sTLV"), threshold)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\u202e", "\u2066", "\uffff"])
def test_a_character_that_cannot_be_printed_is_replaced_and_not_dropped(character: str) -> None:
    assert printable(f"a{character}b") == "a\ufffdb"
    assert printable("tab\tline\r\nÅß中") == "tab\tline\nÅß中"
