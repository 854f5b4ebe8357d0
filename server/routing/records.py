"""What is kept of centres and surgeons, and what a coordinator said a case calls for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from server.cases.records import Case
from server.foundation.db import Base, new_id
from server.people.records import Hospital, Person

# Exactly one of the two is set: a volume or a conflict is a centre's or a person's.
_ONE_OWNER = "(centre_id IS NULL) <> (person_id IS NULL)"


class Codes(TypeDecorator[list[str]]):
    """A list of codes in one text, with spaces between them: read a thousand at a time, JSON is slow."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        return " ".join(value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str]:
        return (value or "").split()


class Centre(Base):
    """A centre that is asked for opinions. Lists hold codes of `vocabulary`.

    `time_zone` is an IANA name. `version` counts changes, so that two who change it at once are told.
    """

    __tablename__ = "centre"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    country: Mapped[str] = mapped_column(String(2), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    kinds: Mapped[list[str]] = mapped_column(Codes, default=list)
    languages: Mapped[list[str]] = mapped_column(Codes, default=list)
    capabilities: Mapped[list[str]] = mapped_column(Codes, default=list)
    note: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]

    hospitals: Mapped[list[CentreHospital]] = relationship(
        back_populates="centre", cascade="all, delete-orphan", order_by="CentreHospital.hospital_id"
    )


class CentreHospital(Base):
    """A referring hospital that a centre is not independent of: `how` is part_of or affiliated."""

    __tablename__ = "centre_hospital"

    centre_id: Mapped[str] = mapped_column(ForeignKey(Centre.id), primary_key=True)
    hospital_id: Mapped[str] = mapped_column(ForeignKey(Hospital.id), primary_key=True)
    how: Mapped[str] = mapped_column(String(20))
    centre: Mapped[Centre] = relationship(back_populates="hospitals")
    hospital: Mapped[Hospital] = relationship()


class SurgeonProfile(Base):
    """What a surgeon does, where, and what they take on. Lists hold codes of `vocabulary`.

    `countries` are those from which they take cases, empty meaning any. `most_cases` is how many they
    have at a time; `accepts_tiers` empty means every tier of service. `calendar` is the country whose
    holidays they keep, empty meaning their centre's.
    """

    __tablename__ = "surgeon_profile"

    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id), primary_key=True)
    centre_id: Mapped[str | None] = mapped_column(ForeignKey(Centre.id), index=True)
    organs: Mapped[list[str]] = mapped_column(Codes, default=list)
    subspecialties: Mapped[list[str]] = mapped_column(Codes, default=list)
    capabilities: Mapped[list[str]] = mapped_column(Codes, default=list)
    languages: Mapped[list[str]] = mapped_column(Codes, default=list)
    countries: Mapped[list[str]] = mapped_column(Codes, default=list)
    accepts_tiers: Mapped[list[str]] = mapped_column(Codes, default=list)
    accepting: Mapped[bool] = mapped_column(default=True)
    most_cases: Mapped[int] = mapped_column(default=5)
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    calendar: Mapped[str] = mapped_column(String(12), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime]

    person: Mapped[Person] = relationship()
    centre: Mapped[Centre | None] = relationship()


class YearlyVolume(Base):
    """How often an operation was done in a year, by a surgeon or at a centre, and who says so."""

    __tablename__ = "yearly_volume"
    __table_args__ = (
        UniqueConstraint("centre_id", "operation", "year"),
        UniqueConstraint("person_id", "operation", "year"),
        CheckConstraint(_ONE_OWNER, name="one_owner"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    centre_id: Mapped[str | None] = mapped_column(ForeignKey(Centre.id))
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    operation: Mapped[str] = mapped_column(String(40))
    year: Mapped[int]
    count: Mapped[int]
    source: Mapped[str] = mapped_column(String(200), default="")


class Absence(Base):
    """Days on which a surgeon takes no case, the first and the last included."""

    __tablename__ = "absence"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date] = mapped_column(index=True)
    why: Mapped[str] = mapped_column(String(200), default="")
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime]


class ConflictOfInterest(Base):
    """A person or a centre who is not to judge what comes from a hospital, a centre or a person."""

    __tablename__ = "conflict_of_interest"
    __table_args__ = (CheckConstraint(_ONE_OWNER, name="one_owner"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id), index=True)
    centre_id: Mapped[str | None] = mapped_column(ForeignKey(Centre.id), index=True)
    hospital_id: Mapped[str | None] = mapped_column(ForeignKey(Hospital.id))
    other_centre_id: Mapped[str | None] = mapped_column(ForeignKey(Centre.id))
    other_person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    why: Mapped[str] = mapped_column(Text)
    entered_by: Mapped[str] = mapped_column(String(200))
    entered_at: Mapped[datetime]

    hospital: Mapped[Hospital | None] = relationship()
    other_centre: Mapped[Centre | None] = relationship(foreign_keys=[other_centre_id])
    other_person: Mapped[Person | None] = relationship(foreign_keys=[other_person_id])


class CaseNeed(Base):
    """What a coordinator decided that a case calls for, or does not call for after all (`wanted`).

    `kind` is capability, operation or language; `code` one of the vocabulary's.
    """

    __tablename__ = "case_need"
    __table_args__ = (UniqueConstraint("case_id", "kind", "code"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(40))
    wanted: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class SheetWaiting(Base):
    """A sheet of surgeons that was looked through and not brought in yet. `rows` are its cells."""

    __tablename__ = "sheet_waiting"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    file_name: Mapped[str] = mapped_column(String(200))
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    brought_by: Mapped[str] = mapped_column(String(200))
    brought_at: Mapped[datetime]
