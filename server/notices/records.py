"""Notices, their deliveries, who gets them, and what everybody chose to get."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.people.records import Hospital, Person


class Notice(Base):
    """Something happened. `key` names the event, so that telling it twice tells it once.

    `facts` are days, numbers and words of fixed lists: never anything that a person typed.
    """

    __tablename__ = "notice"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    case: Mapped[Case | None] = relationship()
    deliveries: Mapped[list[Delivery]] = relationship(back_populates="notice")


class Contact(Base):
    """Somebody without an account who is written to: a hospital's office, for all its cases or for one.

    `grant_id` names the access link by which they entered their own address, where they did.
    """

    __tablename__ = "notice_contact"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    hospital_id: Mapped[str] = mapped_column(ForeignKey(Hospital.id), index=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    grant_id: Mapped[str | None] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8))
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None]
    hospital: Mapped[Hospital] = relationship()


class Webhook(Base):
    """An address of a hospital's system, or of the service's own, that events are posted to.

    `hospital_id` None: the events of every hospital. `kinds` empty means all that it may know.
    `sealed_secret` is encrypted under a key of the server. `failing_since` is when the failures began
    that nothing has interrupted since.
    """

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    hospital_id: Mapped[str | None] = mapped_column(ForeignKey(Hospital.id), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    sealed_secret: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[str]] = mapped_column(JSON)
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str] = mapped_column(Text, default="")
    hospital: Mapped[Hospital | None] = relationship()


class Delivery(Base):
    """One notice on its way to one recipient by one channel: `page`, `email` or `webhook`.

    `state` is waiting, sending, sent, given_up, or held until its webhook is switched on again.
    `digest`: it goes out with others of its day, all under one `batch_id`. `attempts` counts how often
    it was tried; `claimed_until` is how long whoever sends it may take.
    """

    __tablename__ = "notice_delivery"
    __table_args__ = (
        Index("ix_notice_delivery_due", "state", "due_at"),
        Index("ix_notice_delivery_unread", "person_id", "channel", "read_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    notice_id: Mapped[str] = mapped_column(ForeignKey(Notice.id), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    contact_id: Mapped[str | None] = mapped_column(ForeignKey(Contact.id), index=True)
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey(Webhook.id), index=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    digest: Mapped[bool] = mapped_column(default=False)
    batch_id: Mapped[str | None] = mapped_column(String(32), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(Text, default="")
    notice: Mapped[Notice] = relationship(back_populates="deliveries")
    person: Mapped[Person | None] = relationship()
    contact: Mapped[Contact | None] = relationship()
    webhook: Mapped[Webhook | None] = relationship()


class Preference(Base):
    """How a person or a contact (`owner_id`) wants the mails of one kind: now, daily or never."""

    __tablename__ = "notice_preference"

    owner_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    choice: Mapped[str] = mapped_column(String(10))
