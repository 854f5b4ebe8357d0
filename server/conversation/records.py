"""Questions on a case, with their messages, key images and who has read what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.records import Case, CaseDocument
from server.foundation.db import Base, new_id


class Question(Base):
    """A thread of one case. `number` counts from 1 within the case.

    `audience` is hospital, or internal (a surgeon and the coordinators). `side` (surgeon, coordinator,
    hospital) and `owner_id` (their person, or the grant they came by) say who began it: other surgeons
    do not see it before `shown_at`. `wants_imaging`: the hospital is to send more images;
    `paused` says that the clock was stopped for it.
    """

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    number: Mapped[int]
    audience: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(200))
    wants_imaging: Mapped[bool] = mapped_column(default=False)
    paused: Mapped[bool] = mapped_column(default=False)
    shown_at: Mapped[datetime | None]
    side: Mapped[str] = mapped_column(String(12))
    owner_id: Mapped[str] = mapped_column(String(32))
    begun_at: Mapped[datetime]
    begun_by: Mapped[str] = mapped_column(String(200))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(String(200), default="")
    messages: Mapped[list[Message]] = relationship(
        back_populates="question", order_by="(Message.at, Message.id)"
    )


class Message(Base):
    """What somebody wrote into a thread; it is never changed. `key` was made with the form that sent
    it, so that a form sent twice says it once."""

    __tablename__ = "question_message"
    __table_args__ = (UniqueConstraint("question_id", "key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    question_id: Mapped[str] = mapped_column(ForeignKey(Question.id), index=True)
    side: Mapped[str] = mapped_column(String(12))
    author_id: Mapped[str] = mapped_column(String(32))
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(32))
    question: Mapped[Question] = relationship(back_populates="messages")
    images: Mapped[list[KeyImage]] = relationship(order_by="KeyImage.place")
    documents: Mapped[list[CaseDocument]] = relationship(
        secondary="question_document", order_by="CaseDocument.received_at"
    )


class MessageDocument(Base):
    """A document of the case that a message brought or speaks of."""

    __tablename__ = "question_document"

    message_id: Mapped[str] = mapped_column(ForeignKey(Message.id), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey(CaseDocument.id), primary_key=True)


class KeyImage(Base):
    """An image that a message points at, by the archive's UIDs. `frame` counts from 1."""

    __tablename__ = "question_image"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    message_id: Mapped[str] = mapped_column(ForeignKey(Message.id), index=True)
    place: Mapped[int]
    StudyInstanceUID: Mapped[str] = mapped_column("study_instance_uid", String(64))
    SeriesInstanceUID: Mapped[str] = mapped_column("series_instance_uid", String(64))
    SOPInstanceUID: Mapped[str] = mapped_column("sop_instance_uid", String(64))
    frame: Mapped[int] = mapped_column(default=1)
    label: Mapped[str] = mapped_column(String(200), default="")


class MessageRead(Base):
    """Somebody (a person, or whoever came by a grant) had a message before their eyes."""

    __tablename__ = "question_read"

    message_id: Mapped[str] = mapped_column(ForeignKey(Message.id), primary_key=True)
    reader_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    reader: Mapped[str] = mapped_column(String(200))
    side: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
