"""What a surgeon recorded: one annotation per reviewer and time point, kept in revisions."""

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


class SignedRevisionIsFinal(Conflict):
    """A signed revision cannot be changed; an amendment is a new revision."""


class Annotation(Base):
    """The structured answers of one reviewer on one time point of a case.

    `reviewer_id` is a person's id, or the id of a grant that was made out to a name only.
    `time_point` counts over all cases of the patient, `round` within this case (`Case.round`).
    `last_version` is the highest version that a discarded draft had: no later one has it again.
    """

    __tablename__ = "annotation"
    __table_args__ = (UniqueConstraint("case_id", "reviewer_id", "time_point"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    reviewer_id: Mapped[str] = mapped_column(String(32))
    reviewer_name: Mapped[str] = mapped_column(String(200))
    time_point: Mapped[int] = mapped_column(default=1)
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    organ: Mapped[str] = mapped_column(String(40))
    last_version: Mapped[int] = mapped_column(default=0)
    case: Mapped[Case] = relationship()
    revisions: Mapped[list[Revision]] = relationship(
        back_populates="annotation", order_by="Revision.number"
    )


class Revision(Base):
    """A saved state. While it is a draft it is saved over and `version` counts; signed, it is final.

    `schema_version` is that of the organ's form when it was saved, `options` what was chosen where a
    ruleset offers a choice (ruleset id -> option -> value); `evaluations` name each ruleset's version.
    An amendment says in `amends` which number it replaces, and why. `imaging` is what was looked at,
    and `chain_sha256` ties all of it to the revision before (`server.annotations.chain`).
    """

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("annotation_id", "number"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    annotation_id: Mapped[str] = mapped_column(ForeignKey("annotation.id"), index=True)
    number: Mapped[int]
    version: Mapped[int] = mapped_column(default=0)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    saved_at: Mapped[datetime | None]
    evaluations: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str] = mapped_column(String(200), default="")
    verdict: Mapped[str] = mapped_column(String(60), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    schema_version: Mapped[int] = mapped_column(default=1)
    options: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict)
    imaging: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    amends: Mapped[int | None]
    amendment_reason: Mapped[str] = mapped_column(Text, default="")
    previous_sha256: Mapped[str] = mapped_column(String(64), default="")
    chain_sha256: Mapped[str] = mapped_column(String(64), default="")
    annotation: Mapped[Annotation] = relationship(back_populates="revisions")


class EarlierCase(Base):
    """Says that an earlier case is about the same patient: its signed revision is the prior time point."""

    __tablename__ = "earlier_case"

    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), primary_key=True)
    earlier_case_id: Mapped[str] = mapped_column(ForeignKey(Case.id))
    linked_at: Mapped[datetime]
    linked_by: Mapped[str] = mapped_column(String(200))


@event.listens_for(Revision, "before_update")
@event.listens_for(Revision, "before_delete")
def _keep_signed_revisions(
    _mapper: Mapper[Any], _connection: Connection, revision: Revision
) -> None:
    before = get_history(revision, "signed_at").deleted or (revision.signed_at,)
    was_signed = before[0] is not None and not get_history(revision, "signed_at").added
    if was_signed:
        raise SignedRevisionIsFinal(
            "This opinion is signed and cannot be changed.",
            remedy="An amendment is written as a new revision that says what changed.",
        )
