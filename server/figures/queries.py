"""Reading the figures: the rows that filters leave, and what is counted of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.dossier.checklist import checklists
from server.figures.blocks import DURATIONS, Block, Rows, Wanted, joined
from server.figures.facts import PANEL
from server.figures.filters import Filters
from server.figures.records import FigureBlock, FigureRow, FigureState, ResearchExport
from server.figures.rows import RULES_VERSION, in_mask
from server.figures.shares import Spread, spread
from server.foundation.audit import AuditLine
from server.people.records import Hospital, Person

# As many points as anybody can tell apart.
MOST_PAIRS: Final = 2000


@dataclass(frozen=True)
class Counts:
    """Cases with an opinion, counted by what is known of them. Keys are codes; `""` is not known.

    `compared` counts (cancer, local category, verdict change), `converted` (cancer, answer);
    `findings_stated` are the cases for which somebody chose findings.
    """

    opinions: int
    by_cancer: dict[str, int]
    compared: Counter[tuple[str, ...]]
    inconclusive: dict[str, int]
    kept_promise: int
    broken_promise: int
    course: dict[str, int]
    margin: dict[str, int]
    converted: Counter[tuple[str, ...]]
    findings: Counter[str]
    findings_stated: int


def rows_of(session: Session, filters: Filters) -> Rows:
    """The rows that the filters leave."""
    wanted = select(FigureBlock.rows, FigureBlock.names)
    if filters.hospital_ids is not None:
        wanted = wanted.where(FigureBlock.hospital_id.in_(sorted(filters.hospital_ids)))
    if filters.hospital:
        wanted = wanted.where(FigureBlock.hospital_id == filters.hospital)
    if filters.since is not None:
        wanted = wanted.where(FigureBlock.year >= filters.since.year)
    if filters.until is not None:
        wanted = wanted.where(FigureBlock.year <= filters.until.year)
    blocks = (Block(rows, names) for rows, names in session.execute(wanted) if rows)
    return joined(
        blocks,
        Wanted(filters.cancer or None, _reviewers(session, filters), filters.since, filters.until),
    )


def _reviewers(session: Session, filters: Filters) -> frozenset[str] | None:
    """Whose opinions count; None: everybody's."""
    if not filters.centre:
        return frozenset({filters.reviewer}) if filters.reviewer else None
    there = session.scalars(select(Person.id).where(Person.centre == filters.centre))
    return frozenset(one for one in there if filters.reviewer in ("", one))


def counts(rows: Rows) -> Counts:
    """Everything that is counted by codes."""
    masks = rows.numbers("findings")
    findings: Counter[str] = Counter()
    for mask, n in masks:
        for one in in_mask(mask):
            findings[one] += n
    kept = dict(rows.numbers("kept"))
    operated = rows.tally("course", "resection_margin")
    return Counts(
        opinions=len(rows),
        by_cancer=_single(rows.tally("cancer")),
        compared=rows.tally("cancer", "local_category", "verdict_change"),
        inconclusive=_single(rows.only(rows.held["inconclusive"] == 1).tally("cancer")),
        kept_promise=kept.get(1, 0),
        broken_promise=kept.get(0, 0),
        course=_single(rows.tally("course")),
        margin={margin: n for (course, margin), n in operated.items() if course == "operated"},
        converted=rows.tally("cancer", "converted"),
        findings=findings,
        findings_stated=sum(n for _, n in masks),
    )


def _single(found: Counter[tuple[str, ...]]) -> dict[str, int]:
    return {key: n for (key,), n in found.items()}


def durations(rows: Rows) -> dict[str, Spread]:
    """How long each stage took and how long the clock ran, by the names of DURATIONS."""
    return {name: spread(rows.numbers(name)) for name in DURATIONS}


def without_opinion(session: Session, filters: Filters) -> dict[str, int]:
    """Cases that have no opinion yet or never will, by state; period and reviewer do not narrow them."""
    wanted = select(FigureRow.state, func.count()).where(FigureRow.opinion_on.is_(None))
    if filters.hospital_ids is not None:
        wanted = wanted.where(FigureRow.hospital_id.in_(sorted(filters.hospital_ids)))
    if filters.hospital:
        wanted = wanted.where(FigureRow.hospital_id == filters.hospital)
    if filters.cancer:
        wanted = wanted.where(FigureRow.cancer == filters.cancer)
    rows = session.execute(wanted.group_by(FigureRow.state).order_by(FigureRow.state))
    return {state: n for state, n in rows}  # noqa: C416


@dataclass(frozen=True)
class Offered:
    """What the filters can be set to: (value, label), by label."""

    cancers: list[tuple[str, str]]
    centres: list[str]
    reviewers: list[tuple[str, str]]
    hospitals: list[tuple[str, str]]


def offered(session: Session, hospital_ids: frozenset[str] | None) -> Offered:
    """What there is to choose from: hospitals only of those that whoever asks may see."""
    surgeons = session.execute(
        select(Person.id, Person.name, Person.centre)
        .where(Person.role == "surgeon")
        .order_by(Person.name)
    ).all()
    named = select(Hospital.id, Hospital.name).order_by(Hospital.name)
    if hospital_ids is not None:
        named = named.where(Hospital.id.in_(sorted(hospital_ids)))
    cancers = [(one.id, one.title) for one in checklists().values()]
    return Offered(
        cancers=sorted(cancers, key=lambda one: one[1]),
        centres=sorted({one.centre for one in surgeons if one.centre}),
        reviewers=[(PANEL, "Panels"), *((one.id, one.name) for one in surgeons)],
        hospitals=[(hospital_id, name) for hospital_id, name in session.execute(named)],
    )


@dataclass(frozen=True)
class Standing:
    """Whether the figures are behind the records, and when they last were not (None: never yet)."""

    behind: bool
    caught_up_at: datetime | None


def standing(session: Session) -> Standing:
    """How far the figures are."""
    state = session.get(FigureState, 1)
    if state is None:
        return Standing(True, None)
    changed = session.scalar(
        select(AuditLine.sequence)
        .where(
            AuditLine.sequence > state.followed_to,
            AuditLine.case_number.is_not(None),
            AuditLine.outcome == "done",
        )
        .limit(1)
    )
    stale = session.scalar(select(FigureBlock.year).where(FigureBlock.stale.is_(True)).limit(1))
    behind = changed is not None or state.walked_to is not None or stale is not None
    return Standing(behind or state.rules_version != RULES_VERSION, state.caught_up_at)


def exports(session: Session, limit: int = 50) -> list[ResearchExport]:
    """The exports that were asked for, newest first."""
    wanted = select(ResearchExport).order_by(ResearchExport.requested_at.desc()).limit(limit)
    return list(session.scalars(wanted))
