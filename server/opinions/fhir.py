"""An issued opinion as a FHIR R4 (4.0.1) bundle of the type collection. Pure.

Patient, Practitioner, both Organizations, a Device for Margin and one for each criteria set,
ServiceRequest, ImagingStudy, Observations, DiagnosticReport and Provenance. Every reference stays in the
bundle; ids follow from the signed revision, so that the same opinion is the same bundle.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Any, Final

from server.opinions.assessment import Assessment
from server.opinions.document import Opinion, Study
from server.opinions.fhir_observations import observations, ruleset_devices
from server.opinions.fhir_parts import (
    DCM,
    DICOM_UID,
    LOINC,
    VERDICT_CODES,
    Resource,
    coded,
    instant,
    own,
    reference,
    resource,
    said,
    terminology,
)

MIME_TYPE: Final = "application/fhir+json"


def fhir_bundle(assessment: Assessment, pdf: bytes | None = None) -> dict[str, Any]:
    """The bundle as values of JSON; `pdf` is the issued document, put into the report.

    The patient is known by the case's number alone, unless the opinion itself prints a name.
    """
    opinion, key = assessment.opinion, assessment.revision_id
    patient = _patient(opinion)
    hospital = _organization(opinion.hospital_name)
    centre = _organization(opinion.signer.centre) if opinion.signer.centre else None
    signer = _practitioner(opinion)
    margin = _margin()
    devices = ruleset_devices(assessment)
    request = _request(opinion, patient, hospital)
    studies = [_study(one, patient) for one in opinion.imaging]
    found = observations(assessment, patient, signer, devices)
    report = _report(assessment, patient, signer, centre, request, studies, found, pdf)
    provenance = _provenance(assessment, report, signer, centre, margin)
    people = [one for one in (patient, signer, centre, hospital) if one]
    entries = [
        *(report, request, *people, margin, *devices.values()),
        *(*studies, *found, provenance),
    ]
    return {
        **resource("Bundle", key, type="collection", timestamp=instant(opinion.signed_at_utc)),
        "identifier": {"system": "urn:margin:opinion", "value": opinion.number},
        "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in _once(entries)],
    }


def fhir_text(assessment: Assessment, pdf: bytes | None = None) -> str:
    """The bundle as JSON text in UTF-8, with a line feed at its end."""
    return json.dumps(fhir_bundle(assessment, pdf), ensure_ascii=False, indent=2) + "\n"


def _once(entries: list[Resource]) -> list[Resource]:
    """A hospital that is also the reviewer's centre is one organization."""
    return list({one["id"]: one for one in entries}.values())


def _patient(opinion: Opinion) -> Resource:
    return resource(
        "Patient",
        f"case {opinion.case_number}",
        identifier=[{"system": "urn:margin:case", "value": opinion.case_number}],
        name=[{"text": said(opinion.patient)}] if opinion.patient else None,
    )


def _practitioner(opinion: Opinion) -> Resource:
    signer = opinion.signer
    return resource(
        "Practitioner",
        f"{signer.name}, {signer.centre}",
        name=[{"text": said(signer.name)}],
        qualification=[{"code": {"text": said(signer.subspecialty)}}]
        if signer.subspecialty
        else None,
    )


def _organization(name: str) -> Resource:
    return resource("Organization", name, name=said(name))


def _margin() -> Resource:
    return resource(
        "Device",
        "margin",
        deviceName=[{"name": "Margin", "type": "user-friendly-name"}],
        type={"text": "Software that arranges remote resectability opinions"},
    )


def _request(opinion: Opinion, patient: Resource, hospital: Resource) -> Resource:
    """What the hospital asked, under its own accession number."""
    accession = terminology("v2-0203", "ACSN", "Accession ID")  # HL7 v2 table 0203
    return resource(
        "ServiceRequest",
        f"request {opinion.case_number}",
        identifier=[{"type": accession, "value": opinion.hospital_reference}]
        if opinion.hospital_reference
        else None,
        status="completed",
        intent="order",
        code={"text": "Second opinion on resectability"},
        subject=reference(patient),
        requester=reference(hospital),
        reasonCode=[{"text": said(opinion.question)}] if opinion.question else None,
    )


def _study(study: Study, patient: Resource) -> Resource:
    return resource(
        "ImagingStudy",
        study.StudyInstanceUID,
        identifier=[{"system": DICOM_UID, "value": f"urn:oid:{study.StudyInstanceUID}"}],
        status="available",
        modality=[{"system": DCM, "code": one} for one in study.modality.split("/") if one],
        subject=reference(patient),
        started=study.study_date.isoformat() if study.study_date else None,
        numberOfSeries=study.series_count,
        numberOfInstances=study.instance_count,
        description=said(study.description),
    )


def _report(
    assessment: Assessment,
    patient: Resource,
    signer: Resource,
    centre: Resource | None,
    request: Resource,
    studies: list[Resource],
    found: list[Resource],
    pdf: bytes | None,
) -> Resource:
    opinion = assessment.opinion
    verdict = VERDICT_CODES.get(opinion.verdict.code)
    return resource(
        "DiagnosticReport",
        assessment.revision_id,
        text=_narrative(opinion),
        identifier=[{"system": "urn:margin:opinion", "value": opinion.number}],
        basedOn=[reference(request)],
        status=found[0]["status"],
        code=coded(LOINC, "11488-4", "Consult note"),
        subject=reference(patient),
        effectiveDateTime=instant(opinion.signed_at_utc),
        issued=instant(opinion.signed_at_utc),
        performer=[reference(one) for one in (signer, centre) if one],
        resultsInterpreter=[reference(signer)],
        result=[reference(one) for one in found],
        imagingStudy=[reference(one) for one in studies],
        conclusion=said(opinion.answer or opinion.verdict.label),
        conclusionCode=[own(*verdict)] if verdict else [{"text": opinion.verdict.label}],
        presentedForm=[_document(opinion, pdf)] if pdf else None,
    )


def _document(opinion: Opinion, pdf: bytes) -> dict[str, object]:
    """The opinion's PDF as an Attachment."""
    # SHA-1 in base 64 is what R4 asks for (Attachment.hash); the seal protects the file.
    sha1 = hashlib.sha1(pdf, usedforsecurity=False).digest()
    return {
        "contentType": "application/pdf",
        "language": "zh-CN" if opinion.language == "zh" else "en",
        "data": base64.b64encode(pdf).decode(),
        "size": len(pdf),
        "hash": base64.b64encode(sha1).decode(),
        "title": opinion.title,
        "creation": instant(opinion.signed_at_utc),
    }


def _narrative(opinion: Opinion) -> dict[str, str]:
    lines = [
        f"{opinion.status_label} opinion {opinion.number}",
        opinion.verdict.label,
        *(f"Condition: {one}" for one in opinion.conditions),
        opinion.answer,
        opinion.recommendation,
    ]
    said_so = "".join(f"<p>{html.escape(said(one))}</p>" for one in lines if one.strip())
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{said_so}</div>',
    }


def _provenance(
    assessment: Assessment,
    report: Resource,
    signer: Resource,
    centre: Resource | None,
    margin: Resource,
) -> Resource:
    """Who answers for the report, what it was derived from by its hash, and what it replaces."""
    opinion = assessment.opinion
    author = {
        "type": terminology("provenance-participant-type", "author", "Author"),
        "who": reference(signer),
        **({"onBehalfOf": reference(centre)} if centre else {}),
    }
    assembler = {
        "type": terminology("provenance-participant-type", "assembler", "Assembler"),
        "who": reference(margin),
    }
    hashed = assessment.chain_sha256 or opinion.revision_sha256
    before = [
        *([opinion.amendment.opinion_number] if opinion.amendment else []),
        *([opinion.precedent.number] if opinion.precedent else []),
    ]
    entities = [
        ("source", "urn:margin:revision-sha256", hashed),
        *(("revision", "urn:margin:opinion", one) for one in dict.fromkeys(before) if one),
    ]
    return resource(
        "Provenance",
        assessment.revision_id,
        target=[reference(report)],
        recorded=instant(opinion.signed_at_utc),
        reason=[{"text": said(opinion.amendment.reason)}] if opinion.amendment else None,
        agent=[author, assembler],
        entity=[
            {"role": role, "what": {"identifier": {"system": system, "value": value}}}
            for role, system, value in entities
        ],
    )
