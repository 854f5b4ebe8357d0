"""Slides and blocks that travel, with their chain of custody."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.dossier import specimens
from server.dossier.custody import Step as CustodyStep
from server.dossier.queries import SpecimenSeen, specimens_of
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, DAY, Day, Id, Line, Moment, Word
from server.web.api.fields import Text as LongText
from server.web.visit import Visit

TAG = "Records"


class SpecimenSent(Sent):
    """Slides or blocks that are to travel."""

    pathology_number: Annotated[str, Meta(min_length=1, max_length=60)]
    label: Annotated[str, Meta(min_length=1, max_length=120)]
    kind: Annotated[Word, Meta(description="One of `specimen_kinds` of the vocabulary.")]
    count: Annotated[int, Meta(ge=1, le=specimens.MOST_PIECES)]
    site: Line = ""
    due_back_on: Day | None = None


class CustodySent(Sent):
    """Something that happened to a specimen."""

    step: CustodyStep
    at: Moment
    from_whom: Line = ""
    to_whom: Line = ""
    courier: Annotated[str, Meta(max_length=120)] = ""
    tracking: Annotated[str, Meta(max_length=120)] = ""
    note: LongText = ""


class CustodyRead(Given):
    """One event of the chain of custody; none is ever altered."""

    step: Word
    at: Moment
    from_whom: str
    to_whom: str
    courier: str
    tracking: str
    note: str
    recorded_by: str


class SpecimenRead(Given):
    """Slides or blocks, and where they are."""

    id: Id
    pathology_number: str
    label: str
    kind: Word
    count: int
    site: str
    due_back_on: Day | None
    overdue_days: int
    custody: list[CustodyRead]


class Specimens(Given):
    """The case's specimens in the order in which they were listed."""

    specimens: list[SpecimenRead]


def list_specimens(visit: Visit) -> Specimens:
    """The specimens and where they are."""
    return Specimens(specimens=[_read(one) for one in _seen(visit)])


def add_specimen(visit: Visit, body: SpecimenSent) -> SpecimenRead:
    """List slides or blocks."""
    added = specimens.list_specimen(
        visit.session,
        visit.case,
        pathology_number=body.pathology_number,
        label=body.label,
        kind=body.kind,
        count=str(body.count),
        site=body.site,
        due_back_on=body.due_back_on.isoformat() if body.due_back_on else "",
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(specimen=added.id, kind=added.kind, count=added.count)
    return _one(visit, added.id)


def note_custody(visit: Visit, specimen_id: str, body: CustodySent) -> SpecimenRead:
    """Append what happened to a specimen."""
    moved = specimens.Moved(
        step=body.step.value,
        at=f"{body.at.astimezone(UTC):%Y-%m-%d %H:%M}",
        from_whom=body.from_whom,
        to_whom=body.to_whom,
        courier=body.courier,
        tracking=body.tracking,
        note=body.note,
    )
    event = specimens.note_custody(
        visit.session, visit.case, specimen_id, moved, by=visit.actor.text, now=visit.now
    )
    visit.note(specimen=specimen_id, step=event.step)
    return _one(visit, specimen_id)


def _seen(visit: Visit) -> list[SpecimenSeen]:
    return specimens_of(visit.session, visit.case, visit.now.date())


def _one(visit: Visit, specimen_id: str) -> SpecimenRead:
    return next(_read(one) for one in _seen(visit) if one.specimen.id == specimen_id)


def _read(seen: SpecimenSeen) -> SpecimenRead:
    kept = seen.specimen
    return SpecimenRead(
        id=kept.id,
        pathology_number=kept.pathology_number,
        label=kept.label,
        kind=kept.kind,
        count=kept.count,
        site=kept.site,
        due_back_on=kept.due_back_on,
        overdue_days=seen.standing.overdue_days,
        custody=[
            CustodyRead(
                step=one.step,
                at=one.at,
                from_whom=one.from_whom,
                to_whom=one.to_whom,
                courier=one.courier,
                tracking=one.tracking,
                note=one.note,
                recorded_by=one.recorded_by,
            )
            for one in kept.events
        ],
    )


_EVENT = CustodySent(
    step=CustodyStep.HANDED_OVER, at=AT, from_whom="Pathology", to_whom="Courier",
    courier="MedEx", tracking="MX-4711",
)  # fmt: skip
_SPECIMEN = SpecimenRead(
    id=AN_ID,
    pathology_number="P26-1187",
    label="A3",
    kind="ffpe_block",
    count=1,
    site="Head of the pancreas",
    due_back_on=DAY,
    overdue_days=0,
    custody=[
        CustodyRead(
            step="handed_over", at=AT, from_whom="Pathology", to_whom="Courier", courier="MedEx",
            tracking="MX-4711", note="", recorded_by="program 3f2b8c1d PACS bridge",
        )
    ],
)  # fmt: skip
_PLACE = "/cases/<number>/specimens"

ENDPOINTS = (
    Endpoint(
        "GET", _PLACE, list_specimens, Action.SPECIMENS_READ, TAG,
        "Slides and blocks and where they are", Specimens, Specimens(specimens=[_SPECIMEN]),
    ),
    Endpoint(
        "POST", _PLACE, add_specimen, Action.SPECIMENS_CHANGE, TAG,
        "List slides or blocks that are to travel", SpecimenRead, _SPECIMEN,
        body=SpecimenSent,
        sent=SpecimenSent(pathology_number="P26-1187", label="A3", kind="ffpe_block", count=1),
        status=201, creates=True,
    ),
    Endpoint(
        "POST", f"{_PLACE}/<specimen_id>/custody", note_custody, Action.SPECIMENS_CHANGE, TAG,
        "Note what happened to a specimen", SpecimenRead, _SPECIMEN,
        body=CustodySent, sent=_EVENT, creates=True,
    ),
)  # fmt: skip
