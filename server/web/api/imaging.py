"""What was found about the images of a case, and what the hospital was asked to mend."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.access.permissions import Account
from server.cases.lifecycle import Event
from server.foundation.errors import NotFound
from server.imaging import actions
from server.imaging.findings import Finding
from server.imaging.queries import CaseImaging, finding_from_json, return_of_case
from server.imaging.records import HospitalReturn
from server.imaging.wording import said
from server.intake.body_size import imaging_now, size_in_records
from server.web import telling
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, Id, Moment, Reason, Said, Text, Version, Word
from server.web.visit import Visit

TAG = "Imaging"


class NotAssessedYet(NotFound):
    """The images of the case were not assessed yet."""


class FindingRead(Given):
    """One thing found about the images, and what to do about it, in the hospital's language."""

    key: Annotated[str, Meta(description="By this the finding is waived.")]
    id: Word
    severity: Annotated[str, Meta(description="blocking, limiting, advice or info")]
    text: str
    fix: str
    waived: Annotated[str | None, Meta(description="Why it does not count, where it does not.")]


class SeriesAssessed(Given):
    """A series, what it is and which contrast phase it shows."""

    StudyInstanceUID: str
    SeriesInstanceUID: str
    modality: str
    role: str
    phase: str
    used: Annotated[bool, Meta(description="Whether the verdict rests on it.")]


class PointAsked(Given):
    """One point that the hospital was asked about."""

    key: str
    text: str
    fix: str
    done: Annotated[bool, Meta(description="It is found no more.")]
    answer: Annotated[str, Meta(description="Why it cannot be had, as the hospital said.")]


class ReturnRead(Given):
    """What the hospital was asked to send or mend."""

    id: Id
    sent_at: Moment
    message: Annotated[str, Meta(description="The letter as it was written.")]
    points: list[PointAsked]
    answered_at: Moment | None


class ImagingRead(Given):
    """The images of the case against the protocol of the organ, as of today."""

    verdict: Annotated[str, Meta(description="adequate, limited or inadequate")]
    protocol: Word
    assessed_at: Moment
    pixels_pending: Annotated[bool, Meta(description="Only headers were read so far.")]
    findings: list[FindingRead]
    series: list[SeriesAssessed]
    returns: list[ReturnRead]


FindingKey = Annotated[str, Meta(min_length=1, max_length=200)]


class AnswerToPoint(Sent):
    """Why something that was asked for cannot be had."""

    key: Annotated[FindingKey, Meta(description="`key` of the point.")]
    answer: Said


class FindingToWaive(Sent):
    """A finding that does not count for this case."""

    key: FindingKey
    reason: Reason


class ReturnToSend(Sent):
    """What the hospital is to mend. The clock stands until it answers."""

    findings: Annotated[
        list[FindingKey], Meta(min_length=1, max_length=50, description="`key` of each finding.")
    ]
    version: Version
    language: Annotated[Word, Meta(description="Of the letter; empty: the hospital's.")] = ""
    note: Text = ""


def read_imaging(visit: Visit) -> ImagingRead:
    """Verdict, findings, series, and what was asked of the hospital."""
    imaging = _imaging(visit)
    language = "en" if isinstance(visit.actor, Account) else visit.case.hospital.language
    return ImagingRead(
        verdict=imaging.verdict.value,
        protocol=imaging.assessment.protocol.id,
        assessed_at=imaging.assessed_at,
        pixels_pending=imaging.pixels_pending,
        findings=[_finding(imaging, one, language) for one in imaging.assessment.findings],
        series=[
            SeriesAssessed(
                StudyInstanceUID=one.StudyInstanceUID,
                SeriesInstanceUID=one.SeriesInstanceUID,
                modality=one.modality,
                role=one.role.value,
                phase=one.phase.used.value,
                used=one.SeriesInstanceUID in imaging.assessment.used,
            )
            for one in imaging.assessment.series
        ],
        returns=[_return(one) for one in imaging.returns],
    )


def answer_point(visit: Visit, return_id: str, body: AnswerToPoint) -> ReturnRead:
    """The hospital says why something cannot be sent."""
    sent = return_of_case(visit.session, visit.case.id, return_id)
    actions.answer_item(visit.session, sent, body.key, answer=body.answer, now=visit.now)
    visit.note(finding=body.key.partition(".")[0])
    return _return(sent)


def waive(visit: Visit, body: FindingToWaive) -> ImagingRead:
    """A finding does not count for this case, and why."""
    waiver = actions.waive(
        visit.session,
        visit.case,
        body.key,
        reason=body.reason,
        by=visit.actor.text,
        now=visit.now,
        given=size_in_records(visit.session, visit.case, visit.now.date()),
    )
    visit.note(finding=waiver.finding_id, why=waiver.reason)
    return read_imaging(visit)


def let_count(visit: Visit, key: str) -> ImagingRead:
    """A waived finding counts again."""
    actions.let_count(
        visit.session,
        visit.case,
        key,
        by=visit.actor.text,
        now=visit.now,
        given=size_in_records(visit.session, visit.case, visit.now.date()),
    )
    visit.note(finding=key.partition(".")[0])
    return read_imaging(visit)


def send_return(visit: Visit, body: ReturnToSend) -> ReturnRead:
    """Ask the hospital to mend what was found, and stop the clock until it answers."""
    sent = actions.return_to_hospital(
        visit.session,
        visit.case,
        body.findings,
        language=body.language or visit.case.hospital.language,
        note=body.note,
        by=visit.actor.text,
        seen_version=body.version,
        now=visit.now,
        given=size_in_records(visit.session, visit.case, visit.now.date()),
    )
    telling.step(visit, Event.RECORDS_WANTED, [])
    visit.note(language=sent.language, findings=[item["id"] for item in sent.items])
    return _return(sent)


def _imaging(visit: Visit) -> CaseImaging:
    found = imaging_now(visit.session, visit.case, visit.now.date())
    if found is None:
        raise NotAssessedYet(
            "The images of this case were not assessed yet.",
            remedy="Ask again some seconds after they have come.",
        )
    return found


def _finding(imaging: CaseImaging, one: Finding, language: str) -> FindingRead:
    text, fix = said(one, language)
    waiver = imaging.waivers.get(one.key)
    return FindingRead(
        key=one.key,
        id=one.id,
        severity=one.severity.printed,
        text=text,
        fix=fix,
        waived=waiver.reason if waiver else None,
    )


def _return(one: HospitalReturn) -> ReturnRead:
    points = []
    for item in one.items:
        text, fix = said(finding_from_json(item), one.language)
        done, answer = bool(item.get("done_at")), str(item.get("answer") or "")
        points.append(PointAsked(key=item["key"], text=text, fix=fix, done=done, answer=answer))
    return ReturnRead(
        id=one.id,
        sent_at=one.sent_at,
        message=one.message,
        points=points,
        answered_at=one.answered_at,
    )


_RETURN = ReturnRead(
    id=AN_ID,
    sent_at=AT,
    message="The slices of the pancreatic phase are too thick …",
    points=[
        PointAsked(
            key="slice_too_thick.1",
            text="The slices are 5 mm thick.",
            fix="Reconstruct the series at 1 mm or less and send it.",
            done=False,
            answer="",
        )
    ],
    answered_at=None,
)
_IMAGING = ImagingRead(
    verdict="limited",
    protocol="pancreas-ct",
    assessed_at=AT,
    pixels_pending=False,
    findings=[
        FindingRead(
            key="slice_too_thick.1",
            id="slice_too_thick",
            severity="limiting",
            text="The slices are 5 mm thick.",
            fix="Reconstruct the series at 1 mm or less and send it.",
            waived=None,
        )
    ],
    series=[],
    returns=[_RETURN],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/imaging", read_imaging, Action.CASE_READ, TAG,
        "What was found about the images", ImagingRead, _IMAGING,
        refusals=("not_assessed_yet",),
    ),
    Endpoint(
        "POST", "/cases/<number>/imaging/returns/<return_id>/answers", answer_point,
        Action.IMAGES_SEND, TAG, "Say why something asked for cannot be sent", ReturnRead, _RETURN,
        body=AnswerToPoint,
        sent=AnswerToPoint(key="slice_too_thick.1", answer="The raw data are no longer kept."),
    ),
    Endpoint(
        "POST", "/cases/<number>/imaging/returns", send_return, Action.IMAGING_JUDGE, TAG,
        "Ask the hospital to mend what was found", ReturnRead, _RETURN,
        body=ReturnToSend, sent=ReturnToSend(findings=["slice_too_thick.1"], version=3),
        status=201, creates=True,
        refusals=("finding_not_there", "case_changed_meanwhile", "event_not_possible"),
    ),
    Endpoint(
        "DELETE", "/cases/<number>/imaging/waivers/<key>", let_count, Action.IMAGING_JUDGE, TAG,
        "Let a waived finding count again", ImagingRead, _IMAGING, refusals=("finding_not_there",),
    ),
    Endpoint(
        "POST", "/cases/<number>/imaging/waivers", waive, Action.IMAGING_JUDGE, TAG,
        "Say that a finding does not count", ImagingRead, _IMAGING,
        body=FindingToWaive,
        sent=FindingToWaive(key="slice_too_thick.1", reason="The vessels are judged well enough."),
    ),
)  # fmt: skip
