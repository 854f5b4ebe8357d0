"""Grants, launches and sign-ins. Of every secret only the SHA-256 is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.people.records import Person


class Grant(Base):
    """A per-case access token: for whom, what it permits, until when.

    `case_id` None is the archive grant of a trusted system. `person_id` ties a grant to the surgeon
    it was made for, so that what they sign bears their name. `pseudonymised`: whoever comes by it sees
    the images without names and identifiers (PS3.15 Annex E).
    """

    __tablename__ = "access_grant"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id), index=True)
    for_whom: Mapped[str] = mapped_column(String(200))
    permits: Mapped[list[str]] = mapped_column(JSON)
    pseudonymised: Mapped[bool] = mapped_column(default=False)
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(String(200))
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime]
    uses: Mapped[int] = mapped_column(default=0)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(String(200), default="")
    revoked_why: Mapped[str] = mapped_column(Text, default="")


class Launch(Base):
    """A visit to one case, begun by a link or from an account, and bound to a cookie."""

    __tablename__ = "launch"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("access_grant.id"), index=True)
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id), index=True)
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignIn(Base):
    """An account's session."""

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id), index=True)
    begun_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class FailedSignIn(Base):
    """One failed attempt, kept to slow down guessing. The address is kept as a hash only."""

    __tablename__ = "failed_sign_in"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    email_sha256: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
