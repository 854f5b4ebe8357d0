"""An opinion put together from what the rooms know: for the preview, and fixed at signing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from server.annotations.decision import Answers
from server.annotations.following import Followed, followed
from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Chosen
from server.annotations.slices import Slices
from server.annotations.summary import sections
from server.cases.records import Case
from server.intake.queries import arrivals_of_case
from server.intake.records import Arrival
from server.opinions.document import (
    Amendment,
    Language,
    Opinion,
    Row,
    Section,
    Signer,
    Study,
    Volume,
)
from server.opinions.key_images import key_images
from server.opinions.recorded import (
    entered_volume,
    measured_thresholds,
    recorded_fields,
    remaining_sections,
)
from server.opinions.stored import evaluation_of, volume_of
from server.panel.sight import visible_priors, visible_volumes
from server.volumetry.queries import volume_json
from server.web.imaging_ground import ground_of
from server.web.time_points import compared_section

# Where paper is 8.5 by 11 inches: CLDR, supplemental data, paperSize US-Letter.
LETTER_COUNTRIES = frozenset(
    {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}
)
NOT_IMAGES = frozenset({"SEG", "SR", "DOC", "PR", "KO"})  # PS3.3 C.7.3.1.1.1, Modality


@dataclass(frozen=True)
class Signature:
    """What signing adds: the number, the moment, and which revision was signed."""

    number: str
    signed_at: datetime
    revision: int
    sha256: str

    @property
    def fields(self) -> dict[str, Any]:
        """The same as keyword arguments of `Opinion`."""
        return {
            "number": self.number,
            "signed_at": self.signed_at,
            "revision": self.revision,
            "revision_sha256": self.sha256,
        }


def compose(
    session: Session,
    case: Case,
    answers: dict[str, Any],
    *,
    signer: Signer,
    now: datetime,
    signature: Signature | None = None,
    options: Chosen | None = None,
    amendment: Amendment | None = None,
    seen_by: str = "",
    slices: Slices | None = None,
) -> Opinion:
    """The opinion as these answers make it: a draft without `signature`, preliminary and with every key
    image until a draft's texts and choices are written into it (`server.opinions.drafts`).

    `options` are those chosen of the rulesets; `amendment` says what a later opinion replaces.
    `seen_by` is the id of the reviewer who reads it: of what others measured while a panel votes it
    holds nothing. `slices` is on which slices targets were measured, None where nothing is known.
    """
    organ = ORGANS[case.organ]
    evaluations = organ.evaluate(answers, options)
    summary = remaining_sections(sections(organ, answers, evaluations), organ.schema)
    return Opinion(
        status="preliminary",
        organ_title=organ.schema.get("x-margin", {}).get("label", organ.title),
        signer=signer,
        sections=(
            *(Section.copy_of(section) for section in summary),
            *_response_section(responses(session, case, answers, seen_by, slices)),
            *compared_section(session, case, answers, options, seen_by),
        ),
        evaluations=tuple(evaluation_of(evaluation.to_json()) for evaluation in evaluations),
        volumes=tuple(_volumes(session, case, answers, seen_by)),
        thresholds=measured_thresholds(answers),
        imaging=tuple(map(_study, arrivals_of_case(session, case.id))),
        amendment=amendment,
        key_images=key_images(organ.fields, answers),
        **_what_was_asked(case),
        **recorded_fields(answers, organ.schema),
        **_for_the_hospital(session, case, now.date()),
        **(signature.fields if signature else {}),
    )


def _what_was_asked(case: Case) -> dict[str, Any]:
    """Which case of which hospital, its question, and what the local team thinks of it."""
    return {
        "case_number": case.number,
        "hospital_name": case.hospital.name,
        "hospital_reference": case.accession_number,
        "question": case.question,
        "local_verdict": case.local_verdict,
        "local_verdict_reason": case.local_verdict_reason,
    }


def _volumes(session: Session, case: Case, answers: Answers, seen_by: str) -> list[Volume]:
    """What was counted from segmentations; where nothing was, what the reviewer entered."""
    counted = [
        volume_of(volume_json(found)) for found in visible_volumes(session, case.id, seen_by)
    ]
    if any(volume.state == "measured" for volume in counted):
        return counted
    entered = entered_volume(answers)
    return [*counted, entered] if entered else counted


def _for_the_hospital(session: Session, case: Case, on: date) -> dict[str, Any]:
    """In which language and on which paper, and what is to be said of the images in it."""
    language: Language = "zh" if case.hospital.language == "zh" else "en"
    ground = ground_of(session, case, on, language)
    return {
        "language": language,
        "paper": "letter" if case.hospital.country in LETTER_COUNTRIES else "a4",
        "imaging_limits": ground.limits,
        "age_override": ground.override,
    }


def responses(
    session: Session,
    case: Case,
    answers: Answers,
    seen_by: str = "",
    slices: Slices | None = None,
) -> list[Followed]:
    """How the targets respond at these answers, against the earlier cases of the patient."""
    earlier = [one.answers for one in visible_priors(session, case.id, case.organ, seen_by)]
    return followed(ORGANS[case.organ], answers, earlier[::-1], slices)


def _response_section(found: list[Followed]) -> list[Section]:
    rows = tuple(
        Row(one.criteria, one.label, " ".join((one.text, *one.notes, f"Source: {one.source}.")))
        for one in found
    )
    return [Section("Response to therapy, computed", rows)] if rows else []


def imaging_seen(session: Session, case: Case) -> list[dict[str, Any]]:
    """Which images a signature rests on, as values of JSON: each study with what it held then."""
    return [
        {
            "StudyInstanceUID": study.StudyInstanceUID,
            "series_count": study.series_count,
            "instance_count": study.instance_count,
        }
        for study in map(_study, arrivals_of_case(session, case.id))
    ]


def study_for_document(session: Session, case: Case) -> str:
    """StudyInstanceUID of the newest study of the case, beside which the opinion is stored; or empty."""
    arrivals = arrivals_of_case(session, case.id)
    return arrivals[-1].StudyInstanceUID if arrivals else ""


def _study(arrival: Arrival) -> Study:
    images = [one for one in arrival.series if one["Modality"] not in NOT_IMAGES]
    modalities = list(dict.fromkeys(one["Modality"] for one in images))
    return Study(
        StudyInstanceUID=arrival.StudyInstanceUID,
        study_date=_day(arrival.StudyDate),
        modality="/".join(modalities),
        description=arrival.StudyDescription,
        series_count=len(images),
        instance_count=sum(one["instances"] for one in images),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 8 else None  # PS3.5 6.2, VR DA
    except ValueError:
        return None
