"""Series whose headers say too little, or something that a radiologist would not believe."""

from __future__ import annotations

from typing import Any

import pytest

from server.imaging.choosing import answers, is_candidate
from server.imaging.facts import facts_of
from server.imaging.fitness import fitness
from server.imaging.headers import Header
from server.imaging.protocols import protocol_named
from server.imaging.roles import Role
from server.imaging.sequences import Kind, kind_of
from tests.imaging.made_series import CORONAL, MR, ON, header, series, stack

PT = "1.2.840.10008.5.1.4.1.1.128"
PLACES_MM = [float(2 * number) for number in range(40)]


def found(headers: list[Header], protocol: str = "abdomen-ct") -> set[str]:
    named = protocol_named(protocol)
    return {one.id for one in fitness(facts_of(headers), named, named.wants[0], ON)}


def test_slices_without_positions_are_no_watched_bolus_and_their_length_is_not_made_up() -> None:
    lost = [header(n, ImagePositionPatient=None) for n in range(1, 41)]
    assert facts_of(lost).role is Role.DIAGNOSTIC
    assert "slices_unplaced" in found(lost)
    assert "coverage_short" not in found(lost)
    watched = [header(n, 100.0) for n in range(1, 13)]
    assert facts_of(watched).role is Role.BOLUS_TRACKING


def test_a_ct_with_slices_in_two_directions_is_no_scout() -> None:
    mixed = stack(PLACES_MM[:25])
    mixed += [header(n, n * 2.0, ImageOrientationPatient=CORONAL) for n in range(26, 41)]
    assert facts_of(mixed).role is Role.DIAGNOSTIC
    assert "slices_askew" in found(mixed)
    scouts = [header(1), header(2, ImageOrientationPatient=CORONAL), header(3), header(4)]
    scouts[2:] = [
        header(n, ImageOrientationPatient=("0", "1", "0", "0", "0", "-1")) for n in (3, 4)
    ]
    assert facts_of(scouts).role is Role.LOCALISER


def test_two_phases_in_one_series_are_asked_for_apart() -> None:
    both = stack(PLACES_MM, AcquisitionNumber=1) + [
        header(100 + n, place, AcquisitionNumber=2) for n, place in enumerate(PLACES_MM)
    ]
    assert "several_in_one" in found(both)
    assert "several_in_one" not in found(stack(PLACES_MM))
    with_nothing_to_tell_them_apart = found(stack(PLACES_MM * 3))
    assert "several_in_one" in with_nothing_to_tell_them_apart
    assert "slices_doubled" not in with_nothing_to_tell_them_apart
    assert "several_in_one" not in found(stack(PLACES_MM + PLACES_MM[:5]))


@pytest.mark.parametrize(
    "said",
    [
        {"SeriesDescription": "PV Iodine map"},
        {"SeriesDescription": "Abdomen VNC"},
        {"SeriesDescription": "virtuell native Serie"},
        {"SeriesDescription": "mapa de yodo"},
        {"SeriesDescription": "PV", "ImageType": ["DERIVED", "PRIMARY", "AXIAL", "MAT_SPECIFIC"]},
    ],
)
def test_a_picture_of_one_material_is_no_phase(said: dict[str, object]) -> None:
    facts = facts_of(stack(PLACES_MM, **said))
    protocol = protocol_named("liver-ct")
    assert facts.role is Role.DERIVED
    assert not any(is_candidate(facts, protocol, want) for want in protocol.wants)


@pytest.mark.parametrize(("description", "looked_at"), [("Mono 40 keV", False), ("70keV", True)])
def test_pixels_of_a_low_energy_do_not_tell_the_phase(description: str, looked_at: bool) -> None:
    facts = facts_of(stack(PLACES_MM, SeriesDescription=description))
    assert (facts.role, facts.can_be_looked_at) == (Role.DIAGNOSTIC, looked_at)


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("t1_vibe_dixon_3min", Kind.T1_DYNAMIC),
        ("t1_vibe_dixon_20 min HBP", Kind.T1_DYNAMIC),
        ("t1_vibe_dixon_tra_bh_in", Kind.T1_IN_OUT),
        ("t1_vibe_dixon_tra_bh_opp", Kind.T1_IN_OUT),
    ],
)
def test_minutes_in_a_description_are_no_phase_of_fat_and_water(
    description: str, kind: Kind
) -> None:
    assert kind_of([header(SOPClassUID=MR, SeriesDescription=description)])[0] is kind


def test_the_fat_of_a_dixon_sequence_is_no_native_series() -> None:
    fat = header(
        SOPClassUID=MR,
        SeriesDescription="t1_vibe_dixon_tra_F",
        ImageType=["DERIVED", "PRIMARY", "DIXON", "FAT"],
    )
    assert kind_of([fat])[0] is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("corrected", "description", "said"),
    [
        (["DECY", "ATTN", "SCAT"], "WB", set()),
        (["DECY", "SCAT"], "WB AC", {"pet_uncorrected"}),
        (None, "PET WB NAC", {"pet_uncorrected"}),
        (None, "PET WB_CTAC", set()),
        (None, "PET WB", {"pet_correction_unknown"}),
    ],
)
def test_whether_a_pet_is_corrected_is_said_as_far_as_it_is_known(
    corrected: list[str] | None, description: str, said: set[str]
) -> None:
    pet = stack(
        [5.0 * n for n in range(200)],
        SOPClassUID=PT,
        Modality="PT",
        SliceThickness="5",
        CorrectedImage=corrected,
        Units="GML",
        SeriesDescription=description,
    )
    assert found(pet, "pet-ct") == said


def test_of_two_pets_the_corrected_one_is_used_and_thick_slices_are_said() -> None:
    whole: dict[str, Any] = {"modality": "PT", "role": Role.PET, "coverage": None}
    raw = series(uid="1.2.3.1", attenuation_corrected=False, **whole)
    corrected = series(uid="1.2.3.2", attenuation_corrected=True, **whole)
    protocol = protocol_named("pet-ct")
    (pet, _) = answers([raw, corrected], protocol, ON)
    assert pet.used is corrected
    thick = series(slice_thickness_mm=8.0, attenuation_corrected=True, **whole)
    ids = {one.id for one in fitness(thick, protocol, protocol.wants[0], ON)}
    assert "slices_thick" in ids


def test_a_lung_cancer_is_not_staged_on_a_lung_kernel_alone() -> None:
    protocol = protocol_named("lung")
    sharp = series(kernel="Bl64d", regions_said=frozenset({"chest"}))
    assert "kernel_sharp" in {one.id for one in fitness(sharp, protocol, protocol.wants[0], ON)}
