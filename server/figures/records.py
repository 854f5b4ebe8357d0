"""One row for each case, from which the figures are counted; how far they are; exports made."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.people.records import Hospital


class FigureRow(Base):
    """What one case gives to the figures. It can be thrown away: `server.figures.actions` makes it
    again from the case's own records.

    `..._h` are whole hours that a stage took (`server.cases.clocks.stages`), pauses left out; `promise_h`
    is how long the clock ran until the opinion. `findings_mask` has bit n for the n-th
    category of `server.outcomes.value_sets.FINDINGS`, None where nobody chose any. Empty text is
    "nothing is known".
    """

    __tablename__ = "figure_row"
    __table_args__ = (
        Index("ix_figure_row_opinion_on", "opinion_on"),
        Index("ix_figure_row_hospital_id_opinion_on", "hospital_id", "opinion_on"),
    )

    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey(Hospital.id))
    organ: Mapped[str] = mapped_column(String(40))
    cancer: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(30))
    opened_on: Mapped[date]
    opinion_on: Mapped[date | None]
    reviewer_id: Mapped[str] = mapped_column(String(32), default="")
    local_category: Mapped[str] = mapped_column(String(20))
    verdict: Mapped[str] = mapped_column(String(60), default="")
    verdict_change: Mapped[str] = mapped_column(String(20), default="")
    imaging_inconclusive: Mapped[bool] = mapped_column(default=False)
    kept_promise: Mapped[bool | None]
    intake_h: Mapped[int | None]
    records_h: Mapped[int | None]
    routing_h: Mapped[int | None]
    review_h: Mapped[int | None]
    opinion_h: Mapped[int | None]
    promise_h: Mapped[int | None]
    findings_mask: Mapped[int | None]
    course: Mapped[str] = mapped_column(String(20), default="")
    not_operated_reason: Mapped[str] = mapped_column(String(40), default="")
    resection_margin: Mapped[str] = mapped_column(String(10), default="")
    converted: Mapped[str] = mapped_column(String(20), default="")
    flr_predicted_ml: Mapped[float | None] = mapped_column(Float)
    flr_after_ml: Mapped[float | None] = mapped_column(Float)
    computed_at: Mapped[datetime]


class FigureBlock(Base):
    """The rows of one hospital with an opinion in one year, packed (`server.figures.blocks`).

    `stale`: one of its rows changed since it was packed.
    """

    __tablename__ = "figure_block"

    hospital_id: Mapped[str] = mapped_column(ForeignKey(Hospital.id), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stale: Mapped[bool] = mapped_column(default=True, index=True)
    names: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    rows: Mapped[bytes] = mapped_column(LargeBinary, default=b"")


class FigureState(Base):
    """How far the rows are. There is one line, of `id` 1.

    `followed_to` is the sequence of the last audit line whose case was computed again, `walked_to` the
    case number up to which the walk over all cases has come (None when none is under way).
    """

    __tablename__ = "figure_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules_version: Mapped[int]
    followed_to: Mapped[int] = mapped_column(default=0)
    walked_to: Mapped[str | None] = mapped_column(String(20))
    walk_begun_at: Mapped[datetime | None]
    walked_at: Mapped[datetime | None]
    caught_up_at: Mapped[datetime | None]


class ResearchExport(Base):
    """A de-identified export: the query that makes it, and what it gave.

    `state` is making or ready. The file lies in the file store under `sha256`; the same query gives the
    same `content_sha256`, the hash of its manifest, which names the hash of every file in it.
    """

    __tablename__ = "research_export"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    query: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10), default="making")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    content_sha256: Mapped[str] = mapped_column(String(64), default="")
    size_bytes: Mapped[int] = mapped_column(default=0)
    case_count: Mapped[int] = mapped_column(default=0)
    withheld_count: Mapped[int] = mapped_column(default=0)
    requested_by: Mapped[str] = mapped_column(String(200))
    requested_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
