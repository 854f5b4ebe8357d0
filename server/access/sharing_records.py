"""Consents to share a case's opinion, and the links that rest on them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.access.records import Grant
from server.cases.records import Case, CaseDocument
from server.foundation.db import Base, new_id


class ShareConsent(Base):
    """That one named recipient may read a case's opinion: who agreed, when, how, to what, until when.

    `recipient_kind`, `given_by`, `how` and `what` are words of `server.access.sharing`. `valid_until` is
    the last day (UTC) on which it stands. With `pseudonymised` the recipient learns neither whose case
    it is nor which hospital asks. It is never changed; another consent replaces it.
    """

    __tablename__ = "share_consent"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    recipient: Mapped[str] = mapped_column(String(200))
    recipient_kind: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(20))
    pseudonymised: Mapped[bool]
    given_by: Mapped[str] = mapped_column(String(20))
    given_by_name: Mapped[str] = mapped_column(String(200))
    given_by_relation: Mapped[str] = mapped_column(String(200), default="")
    given_on: Mapped[date]
    how: Mapped[str] = mapped_column(String(20))
    document_id: Mapped[str | None] = mapped_column(ForeignKey(CaseDocument.id))
    valid_until: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(String(200), default="")
    revoked_why: Mapped[str] = mapped_column(Text, default="")
    shares: Mapped[list[Share]] = relationship(
        back_populates="consent", order_by="Share.id", cascade="save-update"
    )


class Share(Base):
    """A link that rests on a consent. It is a grant like others, and opens with a PIN besides.

    Of the PIN only its Argon2 hash is kept. `failures` counts wrong ones since the last right one;
    until `locked_until` none is looked at, and from `sharing.FAILURES_BEFORE_SHUT` on none at all until a
    new PIN is made.
    """

    __tablename__ = "share"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    consent_id: Mapped[str] = mapped_column(ForeignKey("share_consent.id"), index=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("access_grant.id"), unique=True)
    pin_hash: Mapped[str] = mapped_column(String(200))
    pin_made_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    consent: Mapped[ShareConsent] = relationship(back_populates="shares")
    grant: Mapped[Grant] = relationship()
