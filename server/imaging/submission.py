"""What is to be said of everything that came for one question together. Pure.

Whose images they are, what came that is no image, and what is missing to know the patient's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Final

from server.imaging.facts import Person, SeriesFacts
from server.imaging.findings import Finding, Severity
from server.imaging.roles import NOT_ORIGINALS, Role

NAMES_LISTED: Final = 50
_SEXES: Final = frozenset(sha256(sex.encode()).hexdigest()[:16] for sex in ("M", "F"))
_WITH_PICTURES: Final = (*NOT_ORIGINALS, Role.DIAGNOSTIC, Role.MPR, Role.MIP, Role.DERIVED)
# PS3.3 C.7.2.2: PatientSize in m, PatientWeight in kg. Outside, the unit was mistaken or nobody
# measured: BSA of such values would be wrong.
_SIZES_M: Final = (0.4, 2.5)
_WEIGHTS_KG: Final = (2.0, 400.0)


@dataclass(frozen=True)
class BodySize:
    """What is known of the patient's size besides the images: height in m, weight in kg."""

    height_m: float | None = None
    weight_kg: float | None = None


NOT_GIVEN: Final = BodySize()


@dataclass(frozen=True)
class OtherFile:
    """A file that is no DICOM instance that could be read: its name, what it is, and why refused.

    `kind` is picture, document, archive, broken, repeated (the same image twice), conflicting (its
    UID with other content) or other.
    """

    name: str
    kind: str
    reason: str


def of_files(files: Sequence[OtherFile]) -> list[Finding]:
    """One finding for each kind of file that is not an image, with every name."""
    found = []
    for kind, id_, severity in (
        ("conflicting", "files_conflicting", Severity.LIMITING),
        ("broken", "files_unreadable", Severity.LIMITING),
        ("repeated", "files_repeated", Severity.INFO),
        ("picture", "pictures_not_dicom", Severity.ADVICE),
        ("archive", "files_packed", Severity.ADVICE),
        ("document", "documents_beside", Severity.INFO),
        ("other", "files_not_dicom", Severity.INFO),
    ):
        those = [one for one in files if one.kind == kind]
        if those:
            names = [one.name for one in those]
            listed = [{"name": one.name, "reason": one.reason} for one in those]
            found.append(
                Finding(
                    id_,
                    severity,
                    {"count": len(those), "files": names[:NAMES_LISTED]},
                    {"files": listed},
                    tuple(names),
                )
            )
    return found


def of_everything(series: Sequence[SeriesFacts], given: BodySize = NOT_GIVEN) -> list[Finding]:
    """Findings about all series together; `given` is the size that the records of the case hold."""
    found = [*_whose(series), *_not_originals(series), *_burned_in(series), *_body(series, given)]
    if not any(one.role in (Role.DIAGNOSTIC, Role.PET) for one in series):
        found.append(Finding("no_images", Severity.BLOCKING))
    return found


def _whose(series: Sequence[SeriesFacts]) -> list[Finding]:
    people = sorted(
        {person for one in series for person in one.people}, key=lambda one: vars(one)["PatientID"]
    )
    pairs = list(combinations(people, 2))
    about = tuple(sorted({one.StudyInstanceUID for one in series}))
    evidence = {"patients": len(people), "studies": list(about)}
    if any(_are_two(*pair) for pair in pairs):
        return [Finding("two_patients", Severity.BLOCKING, {"count": len(people)}, evidence, about)]
    if any(_may_be_two(*pair) for pair in pairs):
        return [
            Finding("patient_unclear", Severity.LIMITING, {"count": len(people)}, evidence, about)
        ]
    return []


def _differ(one: str, other: str) -> bool:
    """Both are given and they are not the same."""
    return bool(one and other and one != other)


def _are_two(one: Person, other: Person) -> bool:
    """Born on different days, of different sex, or with neither name nor number in common."""
    return (
        _differ(one.PatientBirthDate, other.PatientBirthDate)
        or (one.PatientSex != other.PatientSex and {one.PatientSex, other.PatientSex} <= _SEXES)
        or (_differ(one.PatientName, other.PatientName) and _differ(one.PatientID, other.PatientID))
    )


def _may_be_two(one: Person, other: Person) -> bool:
    """One of name and number differs: two hospitals' numbers, a marriage, or somebody else."""
    return _differ(one.PatientName, other.PatientName) or _differ(one.PatientID, other.PatientID)


def _not_originals(series: Sequence[SeriesFacts]) -> list[Finding]:
    those = [one for one in series if one.role in NOT_ORIGINALS]
    if not those:
        return []
    there_are_others = any(one.role is Role.DIAGNOSTIC for one in series)
    severity = Severity.ADVICE if there_are_others else Severity.BLOCKING
    return [
        Finding(
            "not_originals",
            severity,
            {"series": [one.name for one in those], "count": len(those)},
            {
                "series": [
                    {
                        "SeriesInstanceUID": one.SeriesInstanceUID,
                        "role": one.role.value,
                        "why": one.role_evidence,
                    }
                    for one in those
                ]
            },
            tuple(one.SeriesInstanceUID for one in those),
        )
    ]


def _burned_in(series: Sequence[SeriesFacts]) -> list[Finding]:
    those = [one for one in series if one.burned_in and one.role in _WITH_PICTURES]
    if not those:
        return []
    return [
        Finding(
            "burned_in_risk",
            Severity.ADVICE,
            {"series": [one.name for one in those]},
            {
                "series": [
                    {"SeriesInstanceUID": one.SeriesInstanceUID, "why": one.burned_in}
                    for one in those
                ]
            },
            tuple(one.SeriesInstanceUID for one in those),
        )
    ]


def _body(series: Sequence[SeriesFacts], given: BodySize) -> list[Finding]:
    """Height and weight: body surface area needs both, standardised liver volumes need it."""
    looked_at = [one for one in series if one.role in (Role.DIAGNOSTIC, Role.PET)]
    if not looked_at:
        return []
    heights = (given.height_m, *(one.patient_size_m for one in looked_at))
    weights = (given.weight_kg, *(one.patient_weight_kg for one in looked_at))
    has_size = any(_within(one, _SIZES_M) for one in heights)
    has_weight = any(_within(one, _WEIGHTS_KG) for one in weights)
    if has_size and has_weight:
        return []
    wrong = _unlikely(looked_at, has_size, has_weight)
    if wrong:
        return [
            Finding("body_size_unlikely", Severity.ADVICE, {"values": wrong}, {"values": wrong})
        ]
    return [
        Finding(
            "body_size_missing",
            Severity.ADVICE,
            {},
            {"PatientSize": has_size, "PatientWeight": has_weight},
        )
    ]


def _unlikely(series: Sequence[SeriesFacts], has_size: bool, has_weight: bool) -> list[str]:
    """What the images say of the size and no body has: a height in cm instead of m, a wrong comma."""
    heights = {one.patient_size_m for one in series if one.patient_size_m and not has_size}
    weights = {one.patient_weight_kg for one in series if one.patient_weight_kg and not has_weight}
    return [
        *(f"PatientSize {height:g} m" for height in sorted(heights)),
        *(f"PatientWeight {weight:g} kg" for weight in sorted(weights)),
    ]


def _within(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and bounds[0] <= value <= bounds[1]
