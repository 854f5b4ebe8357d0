"""Surgeons: what they can do, how much they have to do, when they are away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from server.access.action import Action
from server.people.queries import people
from server.people.records import Person
from server.routing import actions, queries
from server.routing.checking import LONGEST_NAME
from server.routing.records import Absence, SurgeonProfile
from server.web.api import paging
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import (
    AN_ID,
    DAY,
    After,
    Day,
    Href,
    Id,
    Limit,
    Line,
    Next,
    Text,
    Word,
)
from server.web.api.registry import (
    A_VOLUME,
    TAG,
    ConflictRead,
    VolumeRead,
    conflicts_read,
    volumes_read,
)
from server.web.pages.surgeons import surgeon
from server.web.visit import Visit


class AbsenceRead(Given):
    """Days on which a surgeon takes no case, the first and the last included."""

    id: Id
    from_on: Day
    until_on: Day
    why: str


class SurgeonSummary(Given):
    """A surgeon in a list, with present load and past speed."""

    href: Href
    id: Id
    name: Line
    active: bool
    centre_id: Annotated[Id | None, Meta(description="Null for who has no profile yet.")]
    centre: Line
    organs: list[str]
    subspecialties: list[str]
    capabilities: list[str]
    languages: list[str]
    accepting: bool
    most_cases: int
    cases_now: int
    finished: Annotated[int, Meta(description="Cases finished in the last half year.")]
    average_days: Annotated[float | None, Meta(description="What these took on average.")]
    away_until: Annotated[Day | None, Meta(description="The last day, of who is away today.")]


class SurgeonRead(SurgeonSummary):
    """A surgeon's whole profile."""

    countries: Annotated[list[str], Meta(description="From which they take cases; empty: any.")]
    accepts_tiers: Annotated[list[str], Meta(description="Empty: every tier.")]
    time_zone: str
    calendar: Annotated[str, Meta(description="Whose holidays they keep; empty: their centre's.")]
    note: Text
    volumes: list[VolumeRead]
    absences: Annotated[list[AbsenceRead], Meta(description="Those that are not over.")]
    conflicts: list[ConflictRead]


class Surgeons(Given):
    """Some surgeons, by name."""

    surgeons: list[SurgeonSummary]
    next: Next


class SurgeonFilters(Sent):
    """Which surgeons. What is left out is not asked."""

    organ: Word | None = None
    capability: Word | None = None
    limit: Limit = paging.USUAL
    after: After | None = None


class AbsenceSent(Sent):
    """When a surgeon is away."""

    from_on: Day
    until_on: Day
    why: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""


def list_surgeons(visit: Visit, query: SurgeonFilters) -> Surgeons:
    """Surgeons with load, speed and absence; a filter leaves out who has no profile."""
    session = visit.session
    profiles, paces = queries.profiles(session), queries.paces(session, visit.now)
    away = queries.absences(session, today=visit.today)
    beyond = paging.name_place_of(query.after) if query.after is not None else ("", "")
    wanted = [
        one
        for one in sorted(people(session, "surgeon"), key=lambda one: (one.name, one.id))
        if (one.name, one.id) > beyond and _is_wanted(profiles.get(one.id), query)
    ]
    shown = wanted[: query.limit]
    return Surgeons(
        surgeons=[
            SurgeonSummary(
                **_surgeon(
                    visit,
                    one,
                    profiles.get(one.id),
                    paces.get(one.id, queries.Pace()),
                    away.get(one.id, []),
                )
            )
            for one in shown
        ],
        next=paging.mark_of_name(shown[-1].name, shown[-1].id)
        if len(wanted) > len(shown)
        else None,
    )


def _is_wanted(profile: SurgeonProfile | None, query: SurgeonFilters) -> bool:
    organs, capabilities = (profile.organs, profile.capabilities) if profile else ([], [])
    return (query.organ is None or query.organ in organs) and (
        query.capability is None or query.capability in capabilities
    )


def read_surgeon(visit: Visit, person_id: str) -> SurgeonRead:
    """One surgeon's profile."""
    session, one = visit.session, surgeon(visit, person_id)
    profile = queries.profile_of(session, one.id)
    pace = queries.paces(session, visit.now, one.id).get(one.id, queries.Pace())
    away = queries.absences(session, today=visit.today, person_id=one.id).get(one.id, [])
    return SurgeonRead(
        **_surgeon(visit, one, profile, pace, away),
        countries=list(profile.countries) if profile else [],
        accepts_tiers=list(profile.accepts_tiers) if profile else [],
        time_zone=profile.time_zone if profile else "",
        calendar=profile.calendar if profile else "",
        note=profile.note if profile else "",
        volumes=volumes_read(queries.volumes(session, person_id=one.id)),
        absences=[_absence(absence) for absence in away],
        conflicts=conflicts_read(queries.conflicts(session, person_id=one.id)),
    )


def add_absence(visit: Visit, person_id: str, body: AbsenceSent) -> SurgeonRead:
    """Note when a surgeon is away."""
    one = surgeon(visit, person_id)
    actions.add_absence(
        visit.session,
        one,
        from_on=body.from_on,
        until_on=body.until_on,
        why=body.why,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(person=one.id, absence="added")
    return read_surgeon(visit, one.id)


def remove_absence(visit: Visit, person_id: str, absence_id: str) -> SurgeonRead:
    """They are there after all."""
    one = surgeon(visit, person_id)
    actions.remove_absence(visit.session, one.id, absence_id)
    visit.note(person=one.id, absence="removed")
    return read_surgeon(visit, one.id)


def _surgeon(
    visit: Visit,
    one: Person,
    profile: SurgeonProfile | None,
    pace: queries.Pace,
    away: Sequence[Absence],
) -> dict[str, Any]:
    today = [absence.until_on for absence in away if absence.from_on <= visit.today]
    return {
        "href": f"{BASE}/surgeons/{one.id}",
        "id": one.id,
        "name": one.name,
        "active": one.active,
        "centre_id": profile.centre_id if profile else None,
        "centre": one.centre,
        "organs": list(profile.organs) if profile else [],
        "subspecialties": list(profile.subspecialties) if profile else [],
        "capabilities": list(profile.capabilities) if profile else [],
        "languages": list(profile.languages) if profile else [],
        "accepting": profile.accepting if profile else False,
        "most_cases": profile.most_cases if profile else 0,
        "cases_now": pace.load,
        "finished": pace.finished,
        "average_days": pace.average_days,
        "away_until": max(today, default=None),
    }


def _absence(one: Absence) -> AbsenceRead:
    return AbsenceRead(id=one.id, from_on=one.from_on, until_on=one.until_on, why=one.why)


_SURGEON = SurgeonRead(
    href=f"{BASE}/surgeons/{AN_ID}", id=AN_ID, name="Dr Lena Hoffmann", active=True,
    centre_id=AN_ID, centre="University Hospital North", organs=["pancreas"],
    subspecialties=["hpb"], capabilities=["arterial_reconstruction"], languages=["de", "en"],
    accepting=True, most_cases=5, cases_now=2, finished=14, average_days=4.5, away_until=None,
    countries=[], accepts_tiers=[], time_zone="", calendar="", note="", volumes=[A_VOLUME],
    absences=[AbsenceRead(id=AN_ID, from_on=DAY, until_on=DAY, why="Congress")], conflicts=[],
)  # fmt: skip
_LISTED = {name: getattr(_SURGEON, name) for name in SurgeonSummary.__struct_fields__}
_ABSENCES = "/surgeons/<person_id>/absences"

ENDPOINTS = (
    Endpoint(
        "GET", "/surgeons", list_surgeons, Action.SURGEONS_READ, TAG, "List surgeons",
        Surgeons, Surgeons(surgeons=[SurgeonSummary(**_LISTED)], next=None), query=SurgeonFilters,
        description="Profiles are edited on their pages and imported from a spreadsheet.",
    ),
    Endpoint(
        "GET", "/surgeons/<person_id>", read_surgeon, Action.SURGEONS_READ, TAG, "Read a surgeon",
        SurgeonRead, _SURGEON,
    ),
    Endpoint(
        "POST", _ABSENCES, add_absence, Action.ABSENCES_CHANGE, TAG, "Note an absence",
        SurgeonRead, _SURGEON,
        body=AbsenceSent, sent=AbsenceSent(from_on=DAY, until_on=DAY, why="Congress"),
        status=201, creates=True,
    ),
    Endpoint(
        "DELETE", f"{_ABSENCES}/<absence_id>", remove_absence, Action.ABSENCES_CHANGE, TAG,
        "Take an absence out", SurgeonRead, _SURGEON,
    ),
)  # fmt: skip
