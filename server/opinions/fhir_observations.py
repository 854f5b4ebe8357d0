"""What an opinion found, as FHIR R4 Observations: contacts, remnant, computed categories, verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from server.annotations.fields import Field
from server.opinions.assessment import Assessment, source_and_options
from server.opinions.document import Opinion, VesselContact, Volume
from server.opinions.fhir_parts import (
    DCM,
    SCT,
    VERDICT_CODES,
    Resource,
    absent,
    coded,
    instant,
    note,
    of_form,
    own,
    present,
    quantity,
    reference,
    resource,
    said,
    terminology,
)
from server.opinions.recorded import vessel_contacts
from server.opinions.spoken import CODES, DATES, spoken, spoken_days

_CATEGORY: Final = {
    "imaging": terminology("observation-category", "imaging", "Imaging"),
    "exam": terminology("observation-category", "exam", "Exam"),
}
_ABSENT: Final = {
    "not_assessed": ("not-performed", "not assessed"),
    "not_visible": ("unknown", "not visible on these images"),
}


def observations(
    assessment: Assessment, patient: Resource, by: Resource, devices: Mapping[str, Resource]
) -> list[Resource]:
    """Every Observation of the assessment; `devices` are the criteria sets by their ids."""
    common = {
        "status": _status(assessment),
        "subject": reference(patient),
        "effectiveDateTime": instant(assessment.opinion.signed_at_utc),
    }
    judged = {**common, "performer": [reference(by)]}
    return [
        _verdict(assessment, judged),
        *_vessels(assessment, judged),
        *(_volume(assessment, one, judged) for one in assessment.opinion.volumes),
        *(_criteria(assessment, one, common, devices) for one in assessment.evaluations),
    ]


def _status(assessment: Assessment) -> str:
    opinion = assessment.opinion
    if opinion.status == "preliminary":
        return "preliminary"
    return "amended" if opinion.amendment and not opinion.precedent else "final"


def _verdict(assessment: Assessment, common: Mapping[str, Any]) -> Resource:
    opinion = assessment.opinion
    code, display = VERDICT_CODES.get(
        opinion.verdict.code, (f"verdict/{opinion.verdict.code}", opinion.verdict.label)
    )
    return resource(
        "Observation",
        f"{assessment.revision_id} verdict",
        **common,
        category=[_CATEGORY["exam"]],
        code=own("VERDICT", "Surgeon's resectability verdict"),
        valueCodeableConcept={**own(code, display), "text": opinion.verdict.label},
        note=note(
            opinion.verdict_reason,
            *(f"Condition: {one}" for one in opinion.conditions),
            f"Confidence: {opinion.confidence}" if opinion.confidence else "",
        ),
        component=[
            *_recommended(opinion),
            *(_said(code, valueString=said(text)) for code, text in spoken(opinion)),
            *(
                _said(code, valueDateTime=day.isoformat())
                for code, day in spoken_days(opinion, assessment.answers)
            ),
        ],
    )


def _recommended(opinion: Opinion) -> Iterator[dict[str, Any]]:
    if opinion.recommendation.strip():
        # As in the structured report, whose codes bring highdicom with them.
        code = coded(DCM, "121075", "Recommendation")
        yield {"code": code, "valueString": said(opinion.recommendation)}


def _said(code: str, **value: str) -> dict[str, Any]:
    return {"code": own(code, (CODES | DATES)[code]), **value}


def _vessels(assessment: Assessment, common: Mapping[str, Any]) -> Iterator[Resource]:
    """One for every vessel of the opinion: what was not assessed says so and has no value."""
    fields = [
        one for one in assessment.organ.fields if len(one.path) == 2 and one.path[0] == "vessels"
    ]
    labelled: dict[str, Field] = {field.label: field for field in fields}
    for number, vessel in enumerate(vessel_contacts(assessment.answers, assessment.organ.schema)):
        key = f"{assessment.revision_id} vessel {number}"
        yield _vessel(vessel, labelled.get(vessel.name), key, common)


def _vessel(
    vessel: VesselContact, field: Field | None, key: str, common: Mapping[str, Any]
) -> Resource:
    hints = field.hints if field else {}
    site = of_form(hints["code"]) if hints.get("code") else {}
    measured = vessel.contact_deg is not None
    return resource(
        "Observation",
        key,
        **common,
        category=[_CATEGORY["imaging"]],
        code=own("CONTACT_ANGLE", "Circumference in contact with tumour"),
        # The exact structure in words, also where the code is broader.
        bodySite={**site, "text": said(vessel.name)},
        valueQuantity=quantity(vessel.contact_deg or 0, "deg", "deg") if measured else None,
        dataAbsentReason=None if measured else absent(*_ABSENT[vessel.state]),
        component=list(_vessel_components(vessel)),
        note=note(vessel.note),
    )


def _vessel_components(vessel: VesselContact) -> Iterator[dict[str, Any]]:
    for code, display, value in (
        ("CONTACT_KIND", "Kind of contact", vessel.kind.replace("_", " ")),
        ("CONTOUR", "Contour of the vessel", vessel.contour),
        ("THROMBUS", "Thrombus in the vessel", vessel.thrombus),
        ("RECONSTRUCT", "Reconstructable after resection", vessel.reconstructable),
    ):
        if value:
            yield {"code": own(code, display), "valueCodeableConcept": {"text": said(value)}}


def _volume(assessment: Assessment, volume: Volume, common: Mapping[str, Any]) -> Resource:
    band = volume.band_percent
    has_value = volume.flr_percent is not None
    parts = [
        _millilitres(own("LIVER_TOTAL", "Whole liver, tumour included"), volume.liver_ml),
        _millilitres(own("FLR", "Future liver remnant"), volume.flr_ml),
        _millilitres(coded(SCT, "108369006", "Neoplasm"), volume.tumour_ml),
    ]
    if band is not None:
        parts += [
            _component("FLR_PERCENT_LOW", "Lower end of the FLR's uncertainty band", band[0]),
            _component("FLR_PERCENT_HIGH", "Upper end of the FLR's uncertainty band", band[1]),
        ]
    return resource(
        "Observation",
        f"{assessment.revision_id} volume {volume.id}",
        **common,
        category=[_CATEGORY["imaging"]],
        code=own("FLR_PERCENT", "FLR as percentage of its denominator"),
        valueQuantity=quantity(round(volume.flr_percent or 0.0, 4), "%", "%")
        if has_value
        else None,
        dataAbsentReason=None
        if has_value
        else absent("not-performed", volume.refusal or "not measured when the opinion was signed"),
        method={"text": f"Percentage of {volume.denominator}"} if volume.denominator else None,
        component=[one for one in parts if one],
        note=note(volume.label, volume.refusal),
    )


def _millilitres(concept: dict[str, Any], value_ml: float | None) -> dict[str, Any]:
    if value_ml is None:
        return {}
    return {"code": concept, "valueQuantity": quantity(value_ml, "mL", "mL")}


def _component(code: str, display: str, percent: float) -> dict[str, Any]:
    return {"code": own(code, display), "valueQuantity": quantity(round(percent, 4), "%", "%")}


def _criteria(
    assessment: Assessment,
    evaluation: Mapping[str, Any],
    common: Mapping[str, Any],
    devices: Mapping[str, Resource],
) -> Resource:
    """What a published set computes; never the surgeon's verdict, and performed by nobody."""
    ruleset = str(evaluation["ruleset"])
    source, _ = source_and_options(assessment.organ, evaluation)
    category, interval = evaluation.get("category"), evaluation.get("interval")
    label = str(evaluation.get("category_label") or evaluation.get("interval_label") or "")
    value = own(f"{ruleset}/{category}", label) if category else None
    ends = zip(("CATEGORY_BEST", "CATEGORY_WORST"), interval or (), strict=False)
    return resource(
        "Observation",
        f"{assessment.revision_id} criteria {ruleset}",
        **common,
        category=[_CATEGORY["imaging"]],
        code={
            **own("CATEGORY", "Computed category"),
            "text": f"Computed category, {evaluation['title']}",
        },
        device=reference(devices[ruleset]),
        valueCodeableConcept=value,
        dataAbsentReason=None if value else absent("unknown", label or "Not addressed by this set"),
        component=[
            {
                "code": own(end, f"{end.rpartition('_')[2].title()} category still possible"),
                "valueCodeableConcept": own(f"{ruleset}/{code}", str(code).replace("_", " ")),
            }
            for end, code in ends
        ],
        note=note(
            *(
                f"{one['rule']}: {one['text']} [{one['source']}; {one['trust']}]"
                for one in evaluation.get("fired") or ()
            ),
            *(f"Missing: {one['text']}" for one in evaluation.get("missing") or ()),
            f"Source: {source}" if source else "",
        ),
    )


def ruleset_devices(assessment: Assessment) -> dict[str, Resource]:
    """A Device for every criteria set that was applied, in its version."""
    return {
        str(one["ruleset"]): resource(
            "Device",
            f"ruleset {one['ruleset']} {one.get('version')}",
            identifier=[{"system": "urn:margin:ruleset", "value": str(one["ruleset"])}],
            deviceName=[{"name": said(str(one["title"])), "type": "user-friendly-name"}],
            type={"text": "Published criteria set, applied by Margin"},
            version=[present({"value": str(one.get("version") or "")})]
            if one.get("version")
            else None,
        )
        for one in assessment.evaluations
    }
