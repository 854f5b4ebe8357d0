"""The whole signed annotation as JSON, for programs: answers, evaluations, volumes, verdict, and where
each of them comes from.

The document follows `assessment.schema.json` beside this file and says so; docs/opinion-formats.md
explains it. It names the case by its number and the studies by their UIDs, and nobody's identity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from server.foundation.clock import iso
from server.foundation.errors import MarginError
from server.opinions.assessment import Assessment, source_and_options
from server.opinions.document import Volume
from server.opinions.stored import content_sha256, to_stored

FORMAT: Final = "margin-assessment"
FORMAT_VERSION: Final = 1  # raised when a field changes its meaning or goes away
SCHEMA_FILE: Final = Path(__file__).with_name("assessment.schema.json")


class ExportBreaksItsSchema(MarginError):
    """What was about to be exported does not follow the schema that it would claim to follow."""


@dataclass(frozen=True)
class ExportedSeries:
    """An image series of a study as the case knows it. `images` counts instances."""

    SeriesInstanceUID: str
    Modality: str
    images: int


def assessment_json(
    assessment: Assessment, series: Mapping[str, Sequence[ExportedSeries]] | None = None
) -> dict[str, Any]:
    """The export as JSON values; `series` are the image series by StudyInstanceUID.

    Angles in degrees, volumes in mL, lengths in mm, times in UTC. The same assessment gives the same
    document. Raises ExportBreaksItsSchema.
    """
    opinion, organ = assessment.opinion, assessment.organ
    hints = organ.schema["x-margin"]
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "case": {"number": opinion.case_number},
        "organ": {"id": organ.id, "title": organ.title, "code": hints["code"]},
        "form": {"id": organ.schema["$id"], "schema_version": assessment.schema_version},
        "provenance": _provenance(assessment),
        "amendment": _amendment(assessment),
        "imaging": _imaging(assessment, series or {}),
        "answers": assessment.answers,
        "codes": _codes(assessment),
        "evaluations": [_evaluation(assessment, one) for one in assessment.evaluations],
        "volumes": [_volume(assessment, one) for one in opinion.volumes],
        "opinion": _opinion(assessment),
    }
    _check(document)
    return document


def assessment_text(
    assessment: Assessment, series: Mapping[str, Sequence[ExportedSeries]] | None = None
) -> str:
    """The export as JSON text in UTF-8: keys in order, two blanks of indent, a line feed at its end.

    Raises ExportBreaksItsSchema.
    """
    document = assessment_json(assessment, series)
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@cache
def export_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the export."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def _provenance(assessment: Assessment) -> dict[str, Any]:
    opinion = assessment.opinion
    assert opinion.signed_at is not None  # an Assessment is signed
    return {
        "opinion_number": opinion.number,
        "reviewer": asdict(opinion.signer),
        "signed_at": iso(opinion.signed_at),
        "time_point": assessment.time_point,
        "revision": opinion.revision,
        "answers_sha256": opinion.revision_sha256,
        "content_sha256": content_sha256(to_stored(opinion)),
        "chain_sha256": assessment.chain_sha256 or None,
        "previous_sha256": assessment.previous_sha256 or None,
        "document_instance_uid": assessment.opinion_instance_uid or None,
        "report_series_uid": assessment.report_series_uid,
        "report_instance_uid": assessment.report_instance_uid,
    }


def _amendment(assessment: Assessment) -> dict[str, Any] | None:
    """Which signed revision this one replaces, why, and what it changes; null for a first opinion."""
    made = assessment.opinion.amendment
    if made is None:
        return None
    return {
        "statement": made.sentence,
        "replaces_revision": made.revision,
        "replaces_opinion": made.opinion_number or None,
        "replaced_signed_at": iso(made.signed_at),
        "replaced_signed_by": made.signed_by,
        "reason": made.reason,
        "changes": [asdict(one) for one in made.changes],
    }


def _imaging(
    assessment: Assessment, series: Mapping[str, Sequence[ExportedSeries]]
) -> list[dict[str, Any]]:
    """The studies as they were when the opinion was signed, with the series known of them now.

    `changed_since` says that the number of series or images is no longer what it was.
    """
    found = []
    for study in assessment.opinion.imaging:
        known = sorted(
            series.get(study.StudyInstanceUID, ()), key=lambda one: one.SeriesInstanceUID
        )
        counted = (len(known), sum(one.images for one in known))
        found.append(
            {
                "StudyInstanceUID": study.StudyInstanceUID,
                "study_date": study.study_date.isoformat() if study.study_date else None,
                "modality": study.modality,
                "series_count": study.series_count,
                "instance_count": study.instance_count,
                "series": [asdict(one) for one in known],
                "changed_since": bool(known)
                and counted != (study.series_count, study.instance_count),
            }
        )
    return found


def _codes(assessment: Assessment) -> list[dict[str, Any]]:
    """What the names in the answers mean in SNOMED CT, by JSON pointer, in the form's order."""
    return [
        {
            "pointer": field.pointer,
            "label": field.label,
            "codes": [field.hints["code"], *field.hints.get("more_codes", ())],
            "relation": field.hints.get("code_relation", "exact"),
            "answered": _answered(assessment.answers, field.path),
        }
        for field in assessment.organ.fields
        if field.hints.get("code")
    ]


def _answered(answers: Any, path: Sequence[str]) -> bool:
    """Whether anything at all was recorded there; where not, it was not assessed."""
    here = answers
    for step in path:
        if not isinstance(here, Mapping) or step not in here:
            return False
        here = here[step]
    return here is not None


def _evaluation(assessment: Assessment, said: Mapping[str, Any]) -> dict[str, Any]:
    source, options = source_and_options(assessment.organ, said)
    return {**said, "source": source, "options": options}


def _volume(assessment: Assessment, volume: Volume) -> dict[str, Any]:
    band = volume.band_percent
    return {
        "state": volume.state,
        "label": volume.label,
        "source": "entered" if volume.id == "entered" else "segmentation",
        "SeriesInstanceUID": volume.SeriesInstanceUID or None,
        "SOPInstanceUID": volume.SOPInstanceUID or None,
        "liver_ml": volume.liver_ml,
        "flr_ml": volume.flr_ml,
        "tumour_ml": volume.tumour_ml,
        "flr_percent": volume.flr_percent,
        "flr_percent_range": None if band is None else [round(end, 4) for end in band],
        "denominator": volume.denominator,
        "uncertainty_percent": volume.uncertainty_percent,
        "uncertainty_trust": volume.uncertainty_trust,
        "refusal": volume.refusal,
        "notes": list(assessment.volume_notes.get(volume.SOPInstanceUID, ())),
        "measured_at": volume.measured_at or None,
    }


def _opinion(assessment: Assessment) -> dict[str, Any]:
    """The surgeon's own judgement, which no rule computed."""
    opinion = assessment.opinion
    return {
        "status": opinion.status,
        "verdict": asdict(opinion.verdict),
        "verdict_reason": opinion.verdict_reason,
        "confidence": assessment.answers.get("confidence"),
        "question": opinion.question,
        "answer": opinion.answer,
        "recommendation": opinion.recommendation,
        "operation": opinion.operation,
        "conditions": list(opinion.conditions),
        "capabilities": list(opinion.capabilities),
        "reassess": None if opinion.conversion is None else asdict(opinion.conversion),
        "approach": opinion.approach,
        "alternatives": opinion.alternatives,
        "investigations": list(opinion.investigations),
        "trial_eligibility": opinion.trial_eligibility,
        "findings": [one.code for one in opinion.categories],
        "basis": opinion.basis,
        "assessed_on": opinion.assessed_on.isoformat() if opinion.assessed_on else None,
        "follows": opinion.precedent.number if opinion.precedent else None,
        "imaging_limits": list(opinion.imaging_limits),
        "age_override": opinion.age_override,
        "panel": asdict(opinion.panel) if opinion.panel else None,
        "limits": list(opinion.limits),
        "limitation": opinion.limitation,
    }


def _check(document: Mapping[str, Any]) -> None:
    """A document that breaks its own schema is our mistake, never given out."""
    # Tuples become the lists that JSON has.
    plain = json.loads(json.dumps(document))
    for error in Draft202012Validator(export_schema()).iter_errors(plain):
        where = "/".join(str(step) for step in error.absolute_path)
        raise ExportBreaksItsSchema(f"/{where} does not follow the schema of the export.")
