"""Whose pixels are shown."""

from __future__ import annotations

import pytest

from server.dicom.burned_in import (
    ANNOTATED,
    LABELLED,
    NOT_CLEARED,
    RECOGNISABLE,
    Facts,
    facts,
    is_withheld,
    why_withheld,
)

IMAGE = "1.2.840.10008.5.1.4.1.1."
CT, ENHANCED_MR, SEG = f"{IMAGE}2", f"{IMAGE}4.1", f"{IMAGE}66.4"
CAPTURE, ULTRASOUND, PHOTOGRAPH, SLIDE = (
    f"{IMAGE}7",
    f"{IMAGE}6.1",
    f"{IMAGE}77.1.4",
    f"{IMAGE}77.1.6",
)


def known(SOPClassUID: str, Modality: str = "CT", **more: str) -> Facts:
    tags = {
        "ImageType": 0x00080008,
        "BurnedInAnnotation": 0x00280301,
        "RecognizableVisualFeatures": 0x00280302,
        "SpecimenLabelInImage": 0x00480010,
        "ConversionType": 0x00080064,
        "SamplesPerPixel": 0x00280002,
    }
    values = {0x00080016: SOPClassUID, 0x00080060: Modality}
    values |= {tags[name]: text for name, text in more.items()}
    return facts(lambda tag: tuple(values[tag].split("\\")) if tag in values else ())


@pytest.mark.parametrize(
    "shown",
    [
        known(CT),
        known(CT, ImageType="DERIVED\\SECONDARY\\MPR", SamplesPerPixel="1"),
        known(ENHANCED_MR, "MR"),
        known(SEG, "SEG"),
        known(SLIDE, "SM", ImageType="ORIGINAL\\PRIMARY\\VOLUME\\NONE", SamplesPerPixel="3"),
        known(CAPTURE, "OT", BurnedInAnnotation="NO"),
        known(ULTRASOUND, "US", BurnedInAnnotation="NO"),
        known(f"{IMAGE}88.33", "SR"),
        known(f"{IMAGE}11.1", "PR"),
    ],
)
def test_pixels_without_risk_are_shown(shown: Facts) -> None:
    assert why_withheld(shown) == ""


@pytest.mark.parametrize(
    ("hidden", "why"),
    [
        (known(CT, BurnedInAnnotation="YES"), ANNOTATED),
        (known(CT, RecognizableVisualFeatures="YES"), RECOGNISABLE),
        (known(CT, ImageType="DERIVED\\SECONDARY\\SCREEN SAVE"), LABELLED),
        (known(SLIDE, "SM", ImageType="ORIGINAL\\PRIMARY\\LABEL"), LABELLED),
        (known(SLIDE, "SM", SpecimenLabelInImage="YES", BurnedInAnnotation="NO"), LABELLED),
        (known(CAPTURE, "CT"), NOT_CLEARED),
        (known(CT, ConversionType="WSD"), NOT_CLEARED),
        (known(CT, SamplesPerPixel="3"), NOT_CLEARED),
        (known(CT, "US"), NOT_CLEARED),
        (known(ULTRASOUND, "US"), NOT_CLEARED),
        (known(PHOTOGRAPH, "XC"), NOT_CLEARED),
        (known("1.3.12.2.1107.5.9.1", "CT"), NOT_CLEARED),
        (known("", "CT"), NOT_CLEARED),
    ],
)
def test_pixels_that_may_bear_a_name_are_not(hidden: Facts, why: str) -> None:
    assert why_withheld(hidden) == why


@pytest.mark.parametrize("rest", ["104.1", "104.2", "104.3", "66", "9.4.1"])
def test_documents_stay_behind(rest: str) -> None:
    assert is_withheld(known(IMAGE + rest, "DOC"))
    assert not is_withheld(known(CT))


def test_a_series_of_documents_is_known_by_its_modality() -> None:
    assert is_withheld(known("", "DOC"))
    assert not is_withheld(known("", "CT"))
