"""To which case does a study belong? Pure: plain values in, a match or ranked guesses out.

A study is matched by itself only when the sender's own reference says so and nothing contradicts it:
the accession number that the case expects, or the case's number written into the study, sent by the
case's hospital, and not evidently of another patient than the case's other studies. PatientID alone
never matches: two hospitals may use the same one.

Everything else is a guess with a score from 0 to 100 and its reasons in words. The weights are ours;
they order a list that a person reads, and decide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from server.intake.arrivals.identity import (
    DIFFERENT,
    NEARLY_THE_SAME,
    Identity,
    contradiction,
    digits_apart,
    name_likeness,
    swapped,
)

_CASE_NUMBER = re.compile(r"M-\d{4}-\d{5}", re.IGNORECASE)
MOST_GUESSES = 6
LEAST_SCORE = 10
DAYS_BEFORE, DAYS_AFTER = 90, 30  # a study made so long before or after the case was opened is near

NUMBER, ACCESSION, SAME_ID = 60, 50, 25
SAME_NAME, LIKE_NAME, OTHER_NAME = 25, 15, -15
SAME_BIRTH, LIKE_BIRTH, OTHER_BIRTH = 20, 10, -20
SAME_SEX, OTHER_SEX = 3, -10
SAME_HOSPITAL, NO_IMAGES, NEAR_IN_TIME = 10, 8, 5


@dataclass(frozen=True)
class StudyFacts:
    """What the study itself says, and which hospital sent it (None: not known)."""

    AccessionNumber: str
    StudyDescription: str
    StudyID: str
    PatientID: str
    hospital_id: str | None
    PatientName: str = ""
    PatientBirthDate: str = ""
    PatientSex: str = ""
    StudyDate: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(self.PatientName, self.PatientBirthDate, self.PatientSex, self.PatientID)

    @property
    def case_numbers(self) -> frozenset[str]:
        """The numbers of cases written anywhere in it."""
        written = f"{self.AccessionNumber} {self.StudyDescription} {self.StudyID}"
        return frozenset(found.upper() for found in _CASE_NUMBER.findall(written))

    @property
    def accession(self) -> str:
        """The accession number as it is compared."""
        return self.AccessionNumber.strip().upper()


@dataclass(frozen=True)
class Candidate:
    """An open case as matching sees it. `patients` are those of its studies so far."""

    case_id: str
    number: str
    hospital_id: str
    accession_numbers: frozenset[str]
    has_studies: bool
    patients: tuple[Identity, ...] = ()
    opened_on: date | None = None


@dataclass(frozen=True)
class Match:
    """The one case to which the study belongs."""

    case_id: str
    number: str
    reason: str


@dataclass(frozen=True)
class Guess:
    """A case to which the study may belong; a person decides. `score` is 0 to 100; `reasons` speak
    for it, `doubts` against it."""

    case_id: str
    number: str
    score: int
    reasons: tuple[str, ...]
    doubts: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        return "; ".join(self.reasons)


@dataclass(frozen=True)
class Guesses:
    """No certain match; guesses, best first, possibly none."""

    guesses: tuple[Guess, ...]


@dataclass
class _Weighing:
    score: int = 0
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def speaks_for(self, points: int, reason: str) -> None:
        self.score += points
        self.reasons.append(reason)

    def speaks_against(self, points: int, doubt: str) -> None:
        self.score += points
        self.doubts.append(doubt)


def match(study: StudyFacts, candidates: Iterable[Candidate]) -> Match | Guesses:
    """Match by case number, then by accession number; otherwise rank what may fit."""
    candidates = list(candidates)
    certain = _certain(study, candidates)
    if len(certain) == 1:
        return certain[0]
    more_than_one = {found.case_id for found in certain}
    guesses = [_weighed(study, candidate, more_than_one) for candidate in candidates]
    ranked = sorted(
        (guess for guess in guesses if guess.reasons and guess.score >= LEAST_SCORE),
        key=lambda guess: (-guess.score, guess.number),
    )
    return Guesses(tuple(ranked[:MOST_GUESSES]))


def _certain(study: StudyFacts, candidates: list[Candidate]) -> list[Match]:
    """Cases of the sender's hospital that its reference names, those by number before others."""
    by_number, by_accession = [], []
    for candidate in candidates:
        if study.hospital_id != candidate.hospital_id or other_patient(study, candidate):
            continue
        if candidate.number in study.case_numbers:
            reason = f"The study bears the case number {candidate.number}"
            by_number.append(Match(candidate.case_id, candidate.number, reason))
        elif study.accession and study.accession in candidate.accession_numbers:
            # Without the number: this sentence goes into the trail, where nothing names a patient.
            reason = "The accession number is one that the case expects"
            by_accession.append(Match(candidate.case_id, candidate.number, reason))
    return by_number or by_accession


def other_patient(study: StudyFacts, candidate: Candidate) -> str:
    """In what the study's patient differs clearly from every patient of the case; else empty."""
    against = [contradiction(study.identity, patient) for patient in candidate.patients]
    return against[0] if against and all(against) else ""


def _weighed(study: StudyFacts, candidate: Candidate, more_than_one: set[str]) -> Guess:
    found = _Weighing()
    _weigh_reference(study, candidate, found)
    if candidate.case_id in more_than_one:
        found.doubts.append("More than one case fits this reference")
    _weigh_patient(study, candidate, found)
    _weigh_circumstance(study, candidate, found)
    score = max(0, min(100, found.score))
    return Guess(
        candidate.case_id, candidate.number, score, tuple(found.reasons), tuple(found.doubts)
    )


def _weigh_reference(study: StudyFacts, candidate: Candidate, found: _Weighing) -> None:
    if candidate.number in study.case_numbers:
        found.speaks_for(NUMBER, f"Bears the case number {candidate.number}")
    if study.accession and study.accession in candidate.accession_numbers:
        found.speaks_for(
            ACCESSION, f"Accession number {study.AccessionNumber.strip()} is the one expected"
        )


def _weigh_patient(study: StudyFacts, candidate: Candidate, found: _Weighing) -> None:
    """Compare with the patient of the case's studies who is most alike."""
    if not candidate.patients:
        return
    weighings = []
    for patient in candidate.patients:
        one = _Weighing()
        _weigh_name(study, patient, one)
        _weigh_birth_date(study, patient, one)
        _weigh_sex(study, patient, one)
        same_place = study.hospital_id == candidate.hospital_id
        if same_place and study.PatientID and study.PatientID == patient.PatientID:
            one.speaks_for(SAME_ID, "Same PatientID in the same hospital")
        weighings.append(one)
    best = max(weighings, key=lambda one: one.score)
    found.score += best.score
    found.reasons += best.reasons
    found.doubts += best.doubts


def _weigh_name(study: StudyFacts, patient: Identity, found: _Weighing) -> None:
    likeness = name_likeness(study.PatientName, patient.PatientName)
    if likeness is None:
        return
    if likeness == 1.0:
        found.speaks_for(SAME_NAME, "Same name")
    elif likeness >= NEARLY_THE_SAME:
        found.speaks_for(LIKE_NAME, "Nearly the same name")
    elif likeness < DIFFERENT:
        found.speaks_against(OTHER_NAME, "Another name")


def _weigh_birth_date(study: StudyFacts, patient: Identity, found: _Weighing) -> None:
    one, other = study.PatientBirthDate, patient.PatientBirthDate
    if not one or not other:
        return
    if one == other:
        found.speaks_for(SAME_BIRTH, "Same birth date")
    elif one == swapped(other):
        found.speaks_for(LIKE_BIRTH, "Same birth date with day and month exchanged")
    elif digits_apart(one, other) == 1:
        found.speaks_for(LIKE_BIRTH, "Birth date differs in one digit")
    else:
        found.speaks_against(OTHER_BIRTH, "Another birth date")


def _weigh_sex(study: StudyFacts, patient: Identity, found: _Weighing) -> None:
    one, other = study.PatientSex.upper(), patient.PatientSex.upper()
    if one not in ("M", "F") or other not in ("M", "F"):
        return
    if one == other:
        found.score += SAME_SEX  # half of all patients: worth points, not a reason
    else:
        found.speaks_against(OTHER_SEX, "Another sex")


def _weigh_circumstance(study: StudyFacts, candidate: Candidate, found: _Weighing) -> None:
    if study.hospital_id != candidate.hospital_id:
        if found.reasons:
            found.doubts.append(
                "An unknown sender sent it"
                if study.hospital_id is None
                else "Another hospital sent it"
            )
        return
    found.score += SAME_HOSPITAL
    if not candidate.has_studies:
        found.speaks_for(NO_IMAGES, "Same hospital; this case has no images yet")
    elif found.reasons:
        found.reasons.append("Same hospital")
    days = _days_between(study.StudyDate, candidate.opened_on)
    if days is not None and -DAYS_BEFORE <= days <= DAYS_AFTER and found.reasons:
        found.speaks_for(NEAR_IN_TIME, f"Made {_in_words(days)} the case was opened")


def _days_between(study_date: str, opened_on: date | None) -> int | None:
    if opened_on is None or len(study_date) != 8 or not study_date.isdigit():
        return None
    try:
        made = date(int(study_date[:4]), int(study_date[4:6]), int(study_date[6:]))
    except ValueError:
        return None
    return (made - opened_on).days


def _in_words(days: int) -> str:
    if days == 0:
        return "on the day"
    count = f"{abs(days)} day{'s' if abs(days) != 1 else ''}"
    return f"{count} before" if days < 0 else f"{count} after"
