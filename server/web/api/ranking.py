"""Who suits a case, and why: what a coordinator chooses by, and what the case calls for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from server.access.action import Action
from server.routing import actions
from server.routing.case_queries import CalledFor
from server.routing.reasons import Reasons
from server.routing.records import CaseNeed
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, Id, Line, Reason, Word
from server.web.routing_of_case import ranking_of
from server.web.visit import Visit

TAG = "Assignment"


class ReasonRead(Given):
    """A reason for a place in the ranking, and the points it brought."""

    kind: Literal["excluded", "fits", "lacks", "warnings"]
    text: str
    points: float


class SurgeonRanked(Given):
    """A surgeon in the ranking. `place` is null for who cannot be asked."""

    person_id: Id
    name: Line
    centre: Line
    place: int | None
    points: float
    cases_now: int
    reasons: list[ReasonRead]


class CentreRanked(Given):
    """A centre in the ranking. `place` is null for one that cannot be asked."""

    centre_id: Id
    name: Line
    place: int | None
    points: float
    surgeons: Annotated[int, Meta(description="How many of it could be asked now.")]
    reasons: list[ReasonRead]


class NeedRead(Given):
    """A capability that the case calls for, and who says so."""

    code: Word
    title: Line
    called_by: list[str]
    decision_id: Annotated[Id | None, Meta(description="By this a coordinator's word is undone.")]


class DecidedRead(Given):
    """What a coordinator said that the case calls for, or does not."""

    id: Id
    kind: Word
    code: Word
    wanted: bool
    reason: str


class Ranking(Given):
    """Who suits the case, the best first, and why."""

    organ: Word
    cancer: Word
    calls_for: list[NeedRead]
    set_aside: Annotated[list[NeedRead], Meta(description="What a coordinator took out of it.")]
    also: Annotated[list[DecidedRead], Meta(description="Operations and languages they named.")]
    remarks: list[str]
    surgeons: list[SurgeonRanked]
    centres: list[CentreRanked]


class NeedSaid(Sent):
    """Something that the case calls for, or does not call for after all."""

    kind: Literal["capability", "operation", "language"]
    code: Annotated[Word, Meta(description="One of the registry's words of this kind.")]
    wanted: bool
    reason: Reason


def rank(visit: Visit) -> Ranking:
    """Who suits the case, and why."""
    ranking = ranking_of(visit)
    return Ranking(
        organ=ranking.needs.organ,
        cancer=ranking.needs.cancer,
        calls_for=[_need(one) for one in ranking.called if one.needed],
        set_aside=[_need(one) for one in ranking.set_aside],
        also=[_decided(one) for one in ranking.also],
        remarks=list(ranking.remarks),
        surgeons=[
            SurgeonRanked(
                person_id=one.candidate.person_id,
                name=one.candidate.name,
                centre=one.candidate.centre_name,
                place=one.place,
                points=one.score,
                cases_now=one.candidate.load,
                reasons=_reasons(one.reasons),
            )
            for one in ranking.surgeons
        ],
        centres=[
            CentreRanked(
                centre_id=one.centre.centre_id,
                name=one.centre.name,
                place=one.place,
                points=one.score,
                surgeons=one.centre.surgeons,
                reasons=_reasons(one.reasons),
            )
            for one in ranking.centres
        ],
    )


def _need(one: CalledFor) -> NeedRead:
    return NeedRead(
        code=one.code,
        title=one.words,
        called_by=list(one.callers),
        decision_id=one.decision.id if one.decision else None,
    )


def _decided(one: CaseNeed) -> DecidedRead:
    return DecidedRead(
        id=one.id, kind=one.kind, code=one.code, wanted=one.wanted, reason=one.reason
    )


def _reasons(said: Reasons) -> list[ReasonRead]:
    return [
        ReasonRead(kind=kind, text=one.text, points=one.points)
        for kind in ("excluded", "fits", "lacks", "warnings")
        for one in getattr(said, kind)
    ]


def decide_need(visit: Visit, body: NeedSaid) -> Ranking:
    """Say what the case calls for; it stands over what forms and images say."""
    actions.decide_need(
        visit.session,
        visit.case,
        kind=body.kind,
        code=body.code,
        wanted=body.wanted,
        reason=body.reason,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(need=body.code, wanted=body.wanted, why=body.reason)
    return rank(visit)


def undo_need(visit: Visit, need_id: str) -> Ranking:
    """Take that back."""
    actions.undo_need(visit.session, visit.case, need_id)
    visit.note(need_id=need_id)
    return rank(visit)


_FITS = [ReasonRead(kind="fits", text="62 Whipple operations a year", points=20.0)]
_NEED = NeedRead(
    code="arterial_reconstruction", title="Arterial reconstruction",
    called_by=["NCCN 2022", "the coordinator"], decision_id=AN_ID,
)  # fmt: skip
_RANKING = Ranking(
    organ="pancreas",
    cancer="pancreas",
    calls_for=[_NEED],
    set_aside=[],
    also=[],
    remarks=[],
    surgeons=[
        SurgeonRanked(
            person_id=AN_ID, name="Dr Lena Hoffmann", centre="University Hospital North", place=1,
            points=61.5, cases_now=2, reasons=_FITS,
        )
    ],
    centres=[
        CentreRanked(
            centre_id=AN_ID, name="University Hospital North", place=1, points=48.0, surgeons=3,
            reasons=_FITS,
        )
    ],
)  # fmt: skip
_NEEDS = "/cases/<number>/ranking/needs"

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/ranking", rank, Action.CASE_ROUTE, TAG,
        "Who suits the case, and why", Ranking, _RANKING,
    ),
    Endpoint(
        "POST", _NEEDS, decide_need, Action.CASE_ROUTE, TAG,
        "Say what the case calls for, or does not", Ranking, _RANKING,
        body=NeedSaid,
        sent=NeedSaid(kind="capability", code="arterial_reconstruction", wanted=True,
                      reason="The hepatic artery is encased."),
        status=201, creates=True,
    ),
    Endpoint(
        "DELETE", f"{_NEEDS}/<need_id>", undo_need, Action.CASE_ROUTE, TAG,
        "Take that back", Ranking, _RANKING,
    ),
)  # fmt: skip
