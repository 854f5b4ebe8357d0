"""To which case does a study belong? Pure: plain values in, a match or guesses with their reasons out.

A study is matched by itself only when the sender's own reference says so and nothing contradicts it:
the accession number that the case expects, or the case's number written into the study, sent by the
case's hospital. PatientID alone never matches: two hospitals may use the same one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CASE_NUMBER = re.compile(r"M-\d{4}-\d{5}", re.IGNORECASE)


@dataclass(frozen=True)
class StudyFacts:
    """What the study itself says, and which hospital sent it (None: not known)."""

    AccessionNumber: str
    StudyDescription: str
    StudyID: str
    PatientID: str
    hospital_id: str | None


@dataclass(frozen=True)
class Candidate:
    """An open case as matching sees it. `patient_ids` are those of its studies so far."""

    case_id: str
    number: str
    hospital_id: str
    accession_numbers: frozenset[str]
    patient_ids: frozenset[str]
    has_studies: bool


@dataclass(frozen=True)
class Match:
    """The one case to which the study belongs."""

    case_id: str
    number: str
    reason: str


@dataclass(frozen=True)
class Guess:
    """A case to which the study may belong; a person decides."""

    case_id: str
    number: str
    reason: str


@dataclass(frozen=True)
class Guesses:
    """No certain match; guesses, best first, possibly none."""

    guesses: tuple[Guess, ...]


def accession_numbers(text: str) -> frozenset[str]:
    """The accession numbers written into a case, separated by commas, semicolons or spaces."""
    return frozenset(part.upper() for part in re.split(r"[,;\s]+", text) if part)


def match(study: StudyFacts, candidates: Iterable[Candidate]) -> Match | Guesses:
    """Match by case number, then by accession number; otherwise give guesses."""
    candidates = list(candidates)
    certain, guesses = _by_reference(study, candidates)
    if len(certain) == 1:
        return certain[0]
    guesses = [
        Guess(m.case_id, m.number, f"{m.reason}; more than one case fits") for m in certain
    ] + guesses
    guesses += _by_circumstance(study, candidates)
    first_of_each = {guess.case_id: guess for guess in reversed(guesses)}
    ordered = [guess for guess in guesses if first_of_each[guess.case_id] is guess]
    return Guesses(tuple(ordered))


def _by_reference(
    study: StudyFacts, candidates: list[Candidate]
) -> tuple[list[Match], list[Guess]]:
    """Cases that the sender's reference names: certain ones, and those of another hospital."""
    written = f"{study.AccessionNumber} {study.StudyDescription} {study.StudyID}"
    numbers = {found.upper() for found in _CASE_NUMBER.findall(written)}
    accession = study.AccessionNumber.strip().upper()
    certain: dict[str, Match] = {}
    doubtful: list[Guess] = []
    for candidate in candidates:
        if candidate.number in numbers:
            reason = f"The study bears the case number {candidate.number}"
        elif accession and accession in candidate.accession_numbers:
            reason = f"Accession number {study.AccessionNumber.strip()} is the one the case expects"
        else:
            continue
        if study.hospital_id == candidate.hospital_id:
            certain[candidate.case_id] = Match(candidate.case_id, candidate.number, reason)
        else:
            doubtful.append(
                Guess(
                    candidate.case_id, candidate.number, f"{reason}, but another hospital sent it"
                )
            )
    named = [found for found in certain.values() if found.number in numbers]
    return (named or list(certain.values())), doubtful


def _by_circumstance(study: StudyFacts, candidates: list[Candidate]) -> list[Guess]:
    same_hospital = [c for c in candidates if c.hospital_id == study.hospital_id]
    guesses = [
        Guess(c.case_id, c.number, "Same hospital and same PatientID as a study of this case")
        for c in same_hospital
        if study.PatientID and study.PatientID in c.patient_ids
    ]
    guesses += [
        Guess(c.case_id, c.number, "Same hospital; this case has no images yet")
        for c in same_hospital
        if not c.has_studies
    ]
    return guesses
