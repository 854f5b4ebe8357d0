"""What was assessed, structure by structure, as measurement groups (PS3.16 TID 1501).

A structure is whatever the organ's form gives a SNOMED CT code: a new organ needs nothing here but
codes for fields that no other organ has. What was not assessed is a group that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from highdicom.sr import (
    CodedConcept,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    TextContentItem,
    TrackingIdentifier,
)

from server.annotations.fields import Field, answer_at, is_answered
from server.annotations.organs import Organ
from server.dicom.uids import uid_from
from server.foundation.errors import Invalid
from server.opinions import coding
from server.opinions.assessment import Assessment
from server.opinions.coding import CONCEPTS, MEASURES, Concept
from server.opinions.wording import printable

Group = Any  # one of highdicom's templates of PS3.16 TID 1410, 1411 or 1501


class FindingHasNoCode(Invalid):
    """A form asks something about a structure for which the coding scheme has no code."""


def structure_groups(assessment: Assessment) -> list[Group]:
    """A group for every coded structure of the organ's form, in the form's order."""
    fields = assessment.organ.fields
    return [
        _group(assessment, field)
        for field in fields
        if field.hints.get("code") and not _empty_slot(field, assessment.answers)
    ]


def lesion_groups(assessment: Assessment) -> list[Group]:
    """A group for every lesion whose size was recorded, at the organ."""
    found = []
    for field in assessment.organ.fields:
        size_mm = answer_at(assessment.answers, field.path)
        if field.path[-1] != "size_mm" or not _is_number(size_mm):
            continue
        parent = field.path[0] if len(field.path) > 1 else "tumour"
        found.append(
            group(
                tracking(assessment, field.pointer, parent.replace("_", " ").capitalize()),
                finding_type=coding.NEOPLASM,
                finding_sites=[FindingSite(organ_code(assessment.organ))],
                measurements=[Measurement(coding.DIAMETER, float(size_mm), coding.MILLIMETRE)],
                comments=[field.label],
            )
        )
    return found


def tracking(assessment: Assessment, what: str, label: str) -> TrackingIdentifier:
    """The same for the same structure of a case in every revision and at every time point."""
    uid = uid_from("tracked", assessment.opinion.case_number, assessment.organ.id, what)
    return TrackingIdentifier(uid=uid, identifier=printable(label))


def group(
    identifier: TrackingIdentifier,
    *,
    comments: list[str],
    template: Any = MeasurementsAndQualitativeEvaluations,
    **content: Any,
) -> Group:
    """A measurement group with comments behind its measurements."""
    made = template(tracking_identifier=identifier, **content)
    for text in filter(None, comments):
        item = TextContentItem(coding.COMMENT, printable(text), RelationshipTypeValues.CONTAINS)
        made[0].ContentSequence.append(item)
    return made


def organ_code(organ: Organ) -> CodedConcept:
    """The organ's own SNOMED CT code."""
    return _code(organ.schema["x-margin"]["code"])


def _group(assessment: Assessment, field: Field) -> Group:
    answer = answer_at(assessment.answers, field.path)
    parts = _parts(field, answer)
    measurements, evaluations, comments = [], [], []
    for child, key, value in parts:
        if key in MEASURES:
            if _is_number(value):
                name, unit = MEASURES[key]
                measurements.append(Measurement(name, float(value), unit))
            if key == "contact_deg":
                evaluations.append(_contact_state(value))
        elif key in CONCEPTS:
            evaluations.extend(_evaluations(assessment.organ, CONCEPTS[key], value))
        elif child.hints.get("widget") == "text":
            comments.append(str(value or ""))
        elif child.hints.get("widget") != "hidden":
            raise FindingHasNoCode(f"{assessment.organ.id}{child.pointer} has no code.")
    if not measurements and not evaluations:
        evaluations.append(_evaluation(coding.CONTACT_STATE, coding.NOT_ASSESSED))
    named = answer.get("name") if isinstance(answer, dict) else None
    return group(
        tracking(assessment, field.pointer, str(named or field.label)),
        comments=comments,
        finding_type=_about(field),
        finding_sites=sites_of(assessment.organ, field),
        measurements=measurements,
        qualitative_evaluations=evaluations,
    )


def _parts(field: Field, answer: Any) -> Iterator[tuple[Field, str, Any]]:
    """The fields to be written of a structure: itself when it is one question, else its children.

    Of a structure that is clear or was not assessed only what was answered is written; of one that
    is touched, every question the form puts, so that silence is visible.
    """
    children = field.children()
    if not children:
        key = field.path[-1] if field.path[-1] in CONCEPTS else field.path[0]
        yield field, key, answer
        return
    answers = answer if isinstance(answer, dict) else {}
    touched = _is_number(answers.get("contact_deg")) and answers["contact_deg"] > 0
    for child in children:
        key = child.path[-1]
        asked = touched and child.hints.get("widget") in ("choice", "yes-no")
        if key == "contact_deg" or asked or is_answered(answers.get(key)):
            yield child, key, answers.get(key)


def _contact_state(value: Any) -> QualitativeEvaluation:
    state = "measured" if _is_number(value) else str(value or "not_assessed")
    return _evaluation(coding.CONTACT_STATE, coding.CONTACT_STATES[state])


def _evaluations(organ: Organ, concept: Concept, value: Any) -> list[QualitativeEvaluation]:
    values = value if isinstance(value, list) else [value]
    return [_evaluation(concept.name, _value(organ, concept, one)) for one in values]


def _evaluation(name: CodedConcept, value: CodedConcept) -> QualitativeEvaluation:
    return QualitativeEvaluation(name, value)


def _value(organ: Organ, concept: Concept, value: Any) -> CodedConcept:
    """The code of one answer. Raises FindingHasNoCode."""
    if value is None:
        return coding.NOT_ASSESSED if "not_assessed" in concept.values else coding.NOT_STATED
    if isinstance(value, bool):
        return coding.YES if value else coding.NO
    if value in concept.values:
        return concept.values[value]
    for field in organ.fields:
        if field.path == ("vessels", value):
            return _precise(organ, field)
    raise FindingHasNoCode(f"“{value}” has no code under {concept.name.meaning}.")


def _precise(organ: Organ, field: Field) -> CodedConcept:
    if field.hints.get("code_relation") == "exact":
        return _code(field.hints["code"])
    return coding.structure(organ.id, field.path[-1], field.label)


def sites_of(organ: Organ, field: Field) -> list[FindingSite]:
    """Where: the SNOMED CT code, with side, and with our own code where that one is broader or
    only a part.
    """
    key = field.path[-1]
    side = next((code for end, code in _SIDES.items() if key.endswith(end)), None)
    precise = None
    if field.hints.get("code_relation") != "exact":
        precise = coding.structure(organ.id, key, field.label)
    codes = [field.hints["code"], *field.hints.get("more_codes", ())]
    return [FindingSite(_code(one), side, precise) for one in codes]


_SIDES = {"_left": coding.LEFT, "_right": coding.RIGHT}


def _about(field: Field) -> CodedConcept:
    nodal = field.path[0] in ("stations", "node_short_axis_mm", "mesorectal_node")
    return coding.NODE if nodal else coding.RELATION


def _empty_slot(field: Field, answers: Any) -> bool:
    """Whether this is a line of the form for a structure that the reviewer would have to name."""
    named_by_hand = any(child.path[-1] == "name" for child in field.children())
    return named_by_hand and not is_answered(answer_at(answers, field.path))


def _code(said: dict[str, str]) -> CodedConcept:
    return CodedConcept(said["value"], said["scheme"], said["meaning"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
