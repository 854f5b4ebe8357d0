"""How far the reviewers of panels agree on the verdict, before they saw each other's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.annotations.agreement import fleiss_kappa, percent_agreement
from server.annotations.organs import ORGANS
from server.figures.filters import Filters
from server.figures.records import FigureRow
from server.panel.deciding import RATERS
from server.panel.records import Panel, PanelVote

MOST_PANELS: Final = 2000


@dataclass(frozen=True)
class ReviewerAgreement:
    """The verdicts of the first three votes. `kappa` is Fleiss', None where it is not defined;
    `percent` the share of pairs of votes that are the same, `unanimous` the panels with one verdict."""

    organ: str
    label: str
    panels: int
    unanimous: int
    kappa: float | None
    percent: float | None


def reviewer_agreement(session: Session, filters: Filters) -> list[ReviewerAgreement]:
    """By organ, of the newest panels that the filters leave and whose votes are open; then of all.

    The filters on one reviewer or centre do not apply: a panel has several.
    """
    wanted = (
        select(Panel.id, FigureRow.organ)
        .join(FigureRow, FigureRow.case_id == Panel.case_id)
        .where(Panel.state.in_(("open", "concluded")))
    )
    if filters.hospital_ids is not None:
        wanted = wanted.where(FigureRow.hospital_id.in_(sorted(filters.hospital_ids)))
    for column, value in (
        (FigureRow.hospital_id, filters.hospital),
        (FigureRow.cancer, filters.cancer),
    ):
        if value:
            wanted = wanted.where(column == value)
    if filters.since is not None:
        wanted = wanted.where(FigureRow.opinion_on >= filters.since)
    if filters.until is not None:
        wanted = wanted.where(FigureRow.opinion_on <= filters.until)
    newest = wanted.order_by(Panel.convened_at.desc(), Panel.id).limit(MOST_PANELS).subquery()
    rows = session.execute(
        select(newest.c.id, newest.c.organ, PanelVote.verdict)
        .join(PanelVote, PanelVote.panel_id == newest.c.id)
        .where(PanelVote.called_later.is_(False))
        .order_by(newest.c.organ, newest.c.id, PanelVote.cast_at, PanelVote.id)
    )
    by_organ: dict[str, list[list[str]]] = {}
    for (organ, _), votes in groupby(rows, key=lambda row: (row.organ, row.id)):
        verdicts = [row.verdict for row in votes][:RATERS]
        if len(verdicts) == RATERS:
            by_organ.setdefault(organ, []).append(verdicts)
    found = [_agreement(organ, rated) for organ, rated in by_organ.items()]
    every = [one for rated in by_organ.values() for one in rated]
    return [*found, _agreement("all", every)] if found else []


def _agreement(organ: str, rated: list[list[str]]) -> ReviewerAgreement:
    known = ORGANS.get(organ)
    return ReviewerAgreement(
        organ,
        known.title if known else "All",
        len(rated),
        sum(len(set(one)) == 1 for one in rated),
        fleiss_kappa(rated),
        percent_agreement(rated),
    )
