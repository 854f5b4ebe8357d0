"""Two opinions beside each other: the points, what is asked back, and what the surgeon adds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship
from sqlalchemy.orm.attributes import get_history

from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.foundation.errors import Conflict
from server.opinions.records import IssuedOpinion


class SignedAddendumIsFinal(Conflict):
    """A signed addendum cannot be changed; another one can be added."""


class AnswerPoint(Base):
    """One thing that the local team said, and what the second opinion says to it.

    `standing` is a word of `server.answers.points`; empty until somebody compared. `pointer` names the
    field of the annotation that it rests on (RFC 6901), or is empty. `version` counts its changes.
    """

    __tablename__ = "answer_point"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    round: Mapped[int]
    place: Mapped[int]
    local_text: Mapped[str] = mapped_column(Text)
    second_text: Mapped[str] = mapped_column(Text, default="")
    standing: Mapped[str] = mapped_column(String(20), default="")
    pointer: Mapped[str] = mapped_column(String(200), default="")
    opinion_id: Mapped[str | None] = mapped_column(ForeignKey(IssuedOpinion.id))
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200))
    questions: Mapped[list[AnswerQuestion]] = relationship(
        back_populates="point", order_by="AnswerQuestion.asked_at"
    )


class AnswerQuestion(Base):
    """What the local team asked back on a point, and the addendum that answers it, once there is one."""

    __tablename__ = "answer_question"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    point_id: Mapped[str] = mapped_column(ForeignKey("answer_point.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(200))
    addendum_id: Mapped[str | None] = mapped_column(ForeignKey("opinion_addendum.id"), index=True)
    point: Mapped[AnswerPoint] = relationship(back_populates="questions")
    addendum: Mapped[OpinionAddendum | None] = relationship(back_populates="questions")


class OpinionAddendum(Base):
    """A signed text that belongs to an issued opinion and changes none of its findings.

    `number` is the opinion's with `-A1`, `-A2` ... behind it. `content` is everything that was
    signed (`server.answers.addendum.Addendum`), `content_sha256` its hash, and `sha256` that of the PDF in
    the file store, empty until it is made.
    """

    __tablename__ = "opinion_addendum"
    __table_args__ = (UniqueConstraint("opinion_id", "place"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    opinion_id: Mapped[str] = mapped_column(ForeignKey(IssuedOpinion.id))
    place: Mapped[int]
    number: Mapped[str] = mapped_column(String(40), unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    signed_at: Mapped[datetime]
    signed_by: Mapped[str] = mapped_column(String(200))
    signer_id: Mapped[str] = mapped_column(String(32))
    content_sha256: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    issued_at: Mapped[datetime | None]
    opinion: Mapped[IssuedOpinion] = relationship()
    questions: Mapped[list[AnswerQuestion]] = relationship(
        back_populates="addendum", order_by="AnswerQuestion.asked_at"
    )


class AnswerLetter(Base):
    """A letter about both opinions as somebody last kept it, one for each kind and language.

    `sha256` is the PDF of this version in the file store, empty until it is made.
    """

    __tablename__ = "answer_letter"

    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    kept_at: Mapped[datetime]
    kept_by: Mapped[str] = mapped_column(String(200))


_SIGNED = ("content", "signed_at", "signed_by", "number", "opinion_id", "content_sha256")


@event.listens_for(OpinionAddendum, "before_update")
def _keep_signed_addenda(
    _mapper: Mapper[OpinionAddendum], _connection: Connection, addendum: OpinionAddendum
) -> None:
    if any(get_history(addendum, name).deleted for name in _SIGNED):
        raise SignedAddendumIsFinal(
            "This addendum is signed and cannot be changed.", remedy="Write another one."
        )
