"""Keys of hospital systems and services. Of a key only the SHA-256 is kept, and its beginning."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.foundation.db import Base, new_id
from server.people.records import Hospital


class ProgramKey(Base):
    """The key of one program: whose cases it reaches, what its scopes allow, until when.

    `hospital_id` None is a service that works for every hospital. `shown` is the key's beginning, by
    which people recognise it.
    """

    __tablename__ = "program_key"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    hospital_id: Mapped[str | None] = mapped_column(ForeignKey(Hospital.id), index=True)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    shown: Mapped[str] = mapped_column(String(16))
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str] = mapped_column(String(200), default="")
    revoked_why: Mapped[str] = mapped_column(Text, default="")
