"""Who takes part: hospitals with their AE titles, and people with accounts or without."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.foundation.db import Base, new_id


class Hospital(Base):
    """A referring hospital. `language` is the one in which it is written to."""

    __tablename__ = "hospital"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    country: Mapped[str] = mapped_column(String(2), default="")
    language: Mapped[str] = mapped_column(String(8), default="en", server_default="en")
    registered_at: Mapped[datetime]
    lines: Mapped[list[HospitalLine]] = relationship(
        back_populates="hospital", order_by="HospitalLine.ae_title"
    )


class HospitalLine(Base):
    """One AE title from which a hospital sends. `host` is the address it sends from; at `port` it can be
    called: with a test, and with the report that it asked for by storage commitment. `use_tls` says
    whether these calls go by TLS."""

    __tablename__ = "hospital_line"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"), index=True)
    ae_title: Mapped[str] = mapped_column(String(16), unique=True)
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    use_tls: Mapped[bool] = mapped_column(default=False, server_default=false())
    registered_at: Mapped[datetime]
    hospital: Mapped[Hospital] = relationship(back_populates="lines")


class Person(Base):
    """Somebody Margin knows by name. `role` is admin, coordinator, surgeon or auditor; `language` is
    the one in which they are written to.

    A surgeon may have no password: they come in by the access link of a case. `totp_last_step` is the
    newest time step (RFC 6238) whose code was taken; that one and older ones are good no more.
    """

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    centre: Mapped[str] = mapped_column(String(200), default="")
    subspecialty: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str] = mapped_column(String(8), default="en", server_default="en")
    password_hash: Mapped[str | None] = mapped_column(String(200))
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Coordination(Base):
    """A coordinator looks after the cases of these hospitals, and sees no others."""

    __tablename__ = "coordination"

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
