"""Who suits a case, and why: what a coordinator chooses by."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from server.access.action import Action
from server.web.api.endpoint import Endpoint, Given
from server.web.api.fields import AN_ID, Id, Line, Word
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


class Ranking(Given):
    """Who suits the case, the best first, and why."""

    organ: Word
    cancer: Word
    calls_for: Annotated[list[str], Meta(description="What the case calls for, in words.")]
    remarks: list[str]
    surgeons: list[SurgeonRanked]


def rank(visit: Visit) -> Ranking:
    """Who suits the case, and why."""
    ranking = ranking_of(visit)
    return Ranking(
        organ=ranking.needs.organ,
        cancer=ranking.needs.cancer,
        calls_for=[one.words for one in ranking.called if one.needed],
        remarks=list(ranking.remarks),
        surgeons=[
            SurgeonRanked(
                person_id=one.candidate.person_id,
                name=one.candidate.name,
                centre=one.candidate.centre_name,
                place=one.place,
                points=one.score,
                cases_now=one.candidate.load,
                reasons=[
                    ReasonRead(kind=kind, text=reason.text, points=reason.points)
                    for kind in ("excluded", "fits", "lacks", "warnings")
                    for reason in getattr(one.reasons, kind)
                ],
            )
            for one in ranking.surgeons
        ],
    )


_RANKING = Ranking(
    organ="pancreas",
    cancer="pancreas-pdac",
    calls_for=["Arterial reconstruction"],
    remarks=[],
    surgeons=[
        SurgeonRanked(
            person_id=AN_ID,
            name="Dr Lena Hoffmann",
            centre="University Hospital North",
            place=1,
            points=61.5,
            cases_now=2,
            reasons=[ReasonRead(kind="fits", text="62 Whipple operations a year", points=20.0)],
        )
    ],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/ranking", rank, Action.CASE_ROUTE, TAG,
        "Who suits the case, and why", Ranking, _RANKING,
    ),
)  # fmt: skip
