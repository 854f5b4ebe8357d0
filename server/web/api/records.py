"""The records of a case: its checklist, who asks and why, and the patient's consent."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from server.access.action import Action
from server.access.door import NotPermitted
from server.dossier import actions, requests
from server.dossier.completeness import ItemState, Standing
from server.dossier.queries import completeness_of, consents_of, request_of
from server.dossier.records import PatientConsent
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, DAY, Day, Id, Line, Moment, PartialDay, Reason, Word
from server.web.api.fields import Text as LongText
from server.web.visit import Visit

TAG = "Records"


class ItemRead(Given):
    """One thing that is wanted for the case, and whether it is there."""

    id: Word
    title: Line
    why: str
    format: Annotated[str, Meta(description="In which form it is wanted.")]
    need: Annotated[str, Meta(description="required, expected or welcome")]
    standing: Annotated[
        str, Meta(description="received, partly, outstanding, not_available or waived")
    ]
    blocks: Annotated[bool, Meta(description="The clock does not start before it is settled.")]
    missing: list[str]
    documents: Annotated[list[str], Meta(description="Ids of the documents that cover it.")]
    reason: Annotated[str, Meta(description="Why it is not available or was waived.")]
    remark: Annotated[
        str, Meta(description="What else is to be known, such as that it is of an earlier round.")
    ]


class Checklist(Given):
    """Every item wanted for the case, and what stops it in phrases."""

    cancer: Word
    complete: Annotated[bool, Meta(description="Nothing required is missing.")]
    blocking: list[str]
    items: list[ItemRead]


class ItemDecided(Sent):
    """What is said of an item that nobody will send."""

    standing: Annotated[
        Literal["not_available", "waived"],
        Meta(description="`waived` is the coordinator's to say."),
    ]
    reason: Reason


class RequestSaid(Sent):
    """Who asks for the opinion and why. The whole request is replaced."""

    cancer: Annotated[Word, Meta(description="One of `cancers` of the vocabulary, or empty.")] = ""
    asker: Annotated[Word, Meta(description="One of `askers`.")] = "hospital"
    asker_name: Line = ""
    asker_relation: Line = ""
    reasons: Annotated[list[str], Meta(max_length=40, description="Some of `reasons`.")] = []  # noqa: RUF012 - copied by msgspec
    reason_note: LongText = ""
    first_centre: Annotated[Line, Meta(description="Who gave the first verdict.")] = ""
    first_verdict_on: PartialDay = ""
    circumstances: Annotated[
        dict[str, bool], Meta(description="By the ids of the vocabulary; unknown ones left out.")
    ] = {}  # noqa: RUF012


class RequestRead(Given):
    """Who asks for the opinion and why."""

    cancer: Word
    asker: Word
    asker_name: Line
    asker_relation: Line
    reasons: list[str]
    reason_note: LongText
    first_centre: Line
    first_verdict_on: PartialDay
    circumstances: dict[str, bool]


class ConsentSaid(Sent):
    """The patient's consent to ask elsewhere."""

    given_on: Day
    how: Annotated[Word, Meta(description="One of `consent_ways` of the vocabulary.")]
    document_id: Annotated[
        str, Meta(max_length=32, description="The document that shows it, if there is one.")
    ] = ""


class ConsentRevoked(Sent):
    """The patient takes the consent back."""

    why: Reason


class ConsentRead(Given):
    """A consent, and its end if it ended."""

    id: Id
    given_on: Day
    how: Word
    document_id: str | None
    recorded_by: str
    recorded_at: Moment
    revoked_at: Moment | None
    revoked_why: str


class Consents(Given):
    """Every consent that was noted, the newest first, and what is wrong, if anything is."""

    problem: Annotated[str, Meta(description="Empty when the consent stands or none is needed.")]
    consents: list[ConsentRead]


def read_checklist(visit: Visit) -> Checklist:
    """What is there and what is missing."""
    found = completeness_of(visit.session, visit.case)
    return Checklist(
        cancer=found.checklist.id,
        complete=not found.blocking,
        blocking=list(found.blocking),
        items=[_item(one) for one in found.items],
    )


def _item(one: ItemState) -> ItemRead:
    return ItemRead(
        id=one.item.id,
        title=one.item.title,
        why=one.item.why,
        format=one.item.format,
        need=one.need.value,
        standing=one.standing.value,
        blocks=one.blocks,
        missing=list(one.missing),
        documents=list(one.documents),
        reason=one.decision.reason if one.decision else "",
        remark=one.remark,
    )


def decide_item(visit: Visit, item_id: str, body: ItemDecided) -> Checklist:
    """Say that an item is not available; a coordinator may also waive it."""
    standing = Standing(body.standing)
    if standing is Standing.WAIVED and not visit.may(Action.RECORDS_JUDGE):
        raise NotPermitted(
            "Only the coordinator waives an item.",
            remedy="Say that it is not available, and why.",
            actor=visit.actor.text,
        )
    actions.decide(
        visit.session,
        visit.case,
        item_id,
        standing=standing,
        reason=body.reason,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(item=item_id, standing=standing.value)
    return read_checklist(visit)


def want_item_again(visit: Visit, item_id: str) -> Checklist:
    """What was said of an item no longer holds."""
    actions.undecide(visit.session, visit.case, item_id)
    visit.note(item=item_id)
    return read_checklist(visit)


def read_request(visit: Visit) -> RequestRead:
    """Who asks and why."""
    kept = request_of(visit.session, visit.case)
    return RequestRead(
        cancer=kept.cancer,
        asker=kept.asker,
        asker_name=kept.asker_name,
        asker_relation=kept.asker_relation,
        reasons=list(kept.reasons),
        reason_note=kept.reason_note,
        first_centre=kept.first_centre,
        first_verdict_on=kept.first_verdict_on,
        circumstances=dict(kept.circumstances),
    )


def change_request(visit: Visit, body: RequestSaid) -> RequestRead:
    """Keep who asks and why."""
    asked = requests.Asked(
        cancer=body.cancer,
        asker=body.asker,
        asker_name=body.asker_name,
        asker_relation=body.asker_relation,
        reasons=body.reasons,
        reason_note=body.reason_note,
        first_centre=body.first_centre,
        first_verdict_on=body.first_verdict_on,
        circumstances=body.circumstances,
    )
    requests.describe_request(visit.session, visit.case, asked, by=visit.actor.text, now=visit.now)
    visit.note(asker=asked.asker, reasons=list(asked.reasons))
    return read_request(visit)


def list_consents(visit: Visit) -> Consents:
    """The patient's consents."""
    return Consents(
        problem=completeness_of(visit.session, visit.case).consent.problem,
        consents=[_consent(one) for one in consents_of(visit.session, visit.case)],
    )


def record_consent(visit: Visit, body: ConsentSaid) -> ConsentRead:
    """Note the patient's consent."""
    kept = requests.record_consent(
        visit.session,
        visit.case,
        given_on=body.given_on.isoformat(),
        how=body.how,
        document_id=body.document_id,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(how=kept.how)
    return _consent(kept)


def revoke_consent(visit: Visit, body: ConsentRevoked) -> ConsentRead:
    """Note that the patient takes the consent back."""
    kept = requests.revoke_consent(
        visit.session, visit.case, why=body.why, by=visit.actor.text, now=visit.now
    )
    return _consent(kept)


def _consent(kept: PatientConsent) -> ConsentRead:
    return ConsentRead(
        id=kept.id,
        given_on=kept.given_on,
        how=kept.how,
        document_id=kept.document_id,
        recorded_by=kept.recorded_by,
        recorded_at=kept.recorded_at,
        revoked_at=kept.revoked_at,
        revoked_why=kept.revoked_why,
    )


_CHECKLIST = Checklist(
    cancer="pancreas",
    complete=False,
    blocking=["Radiology report"],
    items=[
        ItemRead(
            id="radiology_report",
            title="Radiology report",
            why="It says what the local radiologist saw.",
            format="PDF",
            need="required",
            standing="outstanding",
            blocks=True,
            missing=[],
            documents=[],
            reason="",
            remark="",
        )
    ],
)
_ASKED = RequestRead(
    cancer="",
    asker="hospital",
    asker_name="",
    asker_relation="",
    reasons=["unresectable"],
    reason_note="",
    first_centre="Riverside General",
    first_verdict_on="2026-11",
    circumstances={},
)
_CONSENT = ConsentRead(
    id=AN_ID,
    given_on=DAY,
    how="written",
    document_id=None,
    recorded_by="program 3f2b8c1d PACS bridge",
    recorded_at=AT,
    revoked_at=None,
    revoked_why="",
)
_RECORDS = "/cases/<number>/records"

ENDPOINTS = (
    Endpoint(
        "GET", _RECORDS, read_checklist, Action.RECORDS_READ, TAG,
        "What is there and what is missing", Checklist, _CHECKLIST,
    ),
    Endpoint(
        "PUT", f"{_RECORDS}/items/<item_id>", decide_item, Action.RECORDS_FILL, TAG,
        "Say that an item is not available, or waive it", Checklist, _CHECKLIST,
        body=ItemDecided,
        sent=ItemDecided(standing="not_available", reason="No biopsy was taken."),
    ),
    Endpoint(
        "DELETE", f"{_RECORDS}/items/<item_id>", want_item_again, Action.RECORDS_FILL, TAG,
        "Want an item again", Checklist, _CHECKLIST,
    ),
    Endpoint(
        "GET", f"{_RECORDS}/request", read_request, Action.RECORDS_READ, TAG,
        "Who asks for the opinion and why", RequestRead, _ASKED,
    ),
    Endpoint(
        "PUT", f"{_RECORDS}/request", change_request, Action.RECORDS_FILL, TAG,
        "Say who asks for the opinion and why", RequestRead, _ASKED,
        body=RequestSaid,
        sent=RequestSaid(reasons=["unresectable"], first_centre="Riverside General",
                         first_verdict_on="2026-11"),
    ),
    Endpoint(
        "GET", f"{_RECORDS}/consents", list_consents, Action.RECORDS_READ, TAG,
        "The patient's consents", Consents, Consents(problem="", consents=[_CONSENT]),
    ),
    Endpoint(
        "POST", f"{_RECORDS}/consents", record_consent, Action.RECORDS_FILL, TAG,
        "Note the patient's consent", ConsentRead, _CONSENT,
        body=ConsentSaid, sent=ConsentSaid(given_on=DAY, how="written"), status=201, creates=True,
    ),
    Endpoint(
        "POST", f"{_RECORDS}/consents/revocation", revoke_consent, Action.RECORDS_FILL, TAG,
        "Note that the patient takes the consent back", ConsentRead, _CONSENT,
        body=ConsentRevoked, sent=ConsentRevoked(why="The patient said so by telephone."),
        refusals=("no_consent_standing",),
    ),
)  # fmt: skip
