"""A panel on a case, its votes, its discussion; and who wrote which object beside the images."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.annotations.records import Revision
from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.people.records import Person


class Panel(Base):
    """Several surgeons who vote on one round of a case. `state` is voting, open, concluded or dissolved.

    While it is `voting` nobody sees another's vote or draft. `rule` is an id of rules.toml. `wanted` is how
    many votes the rule asks for so far, `called` how many of these it asked for because the first ones
    made no majority. `standby` are the ids of those who are asked next, in this order. The form of the
    conclusion is an annotation whose reviewer is the panel's id.
    """

    __tablename__ = "panel"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    number: Mapped[int]
    case_round: Mapped[int]
    rule: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="voting")
    wanted: Mapped[int]
    called: Mapped[int] = mapped_column(default=0)
    standby: Mapped[str] = mapped_column(Text, default="")
    chair_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    chair_votes: Mapped[bool] = mapped_column(default=False, server_default=false())
    answer_hours: Mapped[int] = mapped_column(default=48)
    convened_at: Mapped[datetime]
    convened_by: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime | None]
    majority: Mapped[str] = mapped_column(String(60), default="")
    concluded_at: Mapped[datetime | None]
    conclusion: Mapped[str] = mapped_column(Text, default="")
    departure_reason: Mapped[str] = mapped_column(Text, default="")
    verdict: Mapped[str] = mapped_column(String(60), default="")
    revision_id: Mapped[str | None] = mapped_column(ForeignKey(Revision.id))
    returns_on: Mapped[date | None]
    votes: Mapped[list[PanelVote]] = relationship(
        back_populates="panel", order_by="PanelVote.cast_at"
    )

    @property
    def standby_ids(self) -> list[str]:
        """Who is asked next, in this order."""
        return self.standby.split()

    @property
    def sealed(self) -> bool:
        """Whether votes are under way, so that nobody sees another's work."""
        return self.state == "voting"


class PanelVote(Base):
    """One member's signed revision. `called_later`: cast by somebody called after the first votes."""

    __tablename__ = "panel_vote"
    __table_args__ = (UniqueConstraint("panel_id", "person_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    panel_id: Mapped[str] = mapped_column(ForeignKey("panel.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id))
    revision_id: Mapped[str] = mapped_column(ForeignKey(Revision.id), unique=True)
    verdict: Mapped[str] = mapped_column(String(60))
    cast_at: Mapped[datetime]
    called_later: Mapped[bool] = mapped_column(default=False, server_default=false())
    panel: Mapped[Panel] = relationship(back_populates="votes")
    person: Mapped[Person] = relationship()
    revision: Mapped[Revision] = relationship()


class PanelMessage(Base):
    """One contribution to the discussion, which begins when all votes are in."""

    __tablename__ = "panel_message"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    panel_id: Mapped[str] = mapped_column(ForeignKey("panel.id"), index=True)
    author_id: Mapped[str] = mapped_column(String(32))
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]


class WrittenObject(Base):
    """Who wrote an object (SEG, SR, KO, PR) into a study of a case, in which round; noted before it is
    stored, so that nobody finds it there without its author."""

    __tablename__ = "written_object"

    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64), primary_key=True)
    SeriesInstanceUID: Mapped[str] = mapped_column("series_instance_uid", String(64))
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    case_round: Mapped[int]
    author_id: Mapped[str] = mapped_column(String(32))
    written_at: Mapped[datetime]
