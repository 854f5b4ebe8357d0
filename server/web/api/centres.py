"""Centres: what they can do, how much of it, and which hospitals they are tied to."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from server.access.action import Action
from server.routing import queries
from server.routing.checking import TIES
from server.routing.records import Centre
from server.web.api.endpoint import BASE, Endpoint, Given
from server.web.api.fields import AN_ID, Href, Id, Line, Text
from server.web.api.registry import (
    A_VOLUME,
    TAG,
    ConflictRead,
    VolumeRead,
    conflicts_read,
    volumes_read,
)
from server.web.visit import Visit


class TieRead(Given):
    """A referring hospital that a centre is not independent of."""

    hospital_id: Id
    name: Line
    how: Annotated[str, Meta(description=f"One of {', '.join(TIES)}.")]


class CentreSummary(Given):
    """A centre in a list. Lists hold codes of the registry's vocabulary."""

    href: Href
    id: Id
    name: Line
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2, or empty.")]
    time_zone: Annotated[str, Meta(description="An IANA name, or empty.")]
    kinds: list[str]
    languages: list[str]
    capabilities: list[str]
    hospitals: list[TieRead]
    active: bool


class CentreRead(CentreSummary):
    """A centre with its yearly volumes, its surgeons and its conflicts."""

    volumes: list[VolumeRead]
    surgeons: Annotated[list[str], Meta(description="Ids of the surgeons who work there.")]
    conflicts: list[ConflictRead]
    note: Text


class Centres(Given):
    """Every centre, by name."""

    centres: list[CentreSummary]


def list_centres(visit: Visit) -> Centres:
    """Every centre."""
    return Centres(
        centres=[CentreSummary(**_centre(one)) for one in queries.centres(visit.session)]
    )


def read_centre(visit: Visit, centre_id: str) -> CentreRead:
    """One centre."""
    session, one = visit.session, queries.centre(visit.session, centre_id)
    return CentreRead(
        **_centre(one),
        volumes=volumes_read(queries.volumes(session, centre_id=one.id)),
        surgeons=[person.id for person in queries.surgeons_of(session, one.id)],
        conflicts=conflicts_read(queries.conflicts(session, centre_id=one.id)),
        note=one.note,
    )


def _centre(one: Centre) -> dict[str, Any]:
    return {
        "href": f"{BASE}/centres/{one.id}",
        "id": one.id,
        "name": one.name,
        "country": one.country,
        "time_zone": one.time_zone,
        "kinds": list(one.kinds),
        "languages": list(one.languages),
        "capabilities": list(one.capabilities),
        "hospitals": [
            TieRead(hospital_id=tie.hospital_id, name=tie.hospital.name, how=tie.how)
            for tie in one.hospitals
        ],
        "active": one.active,
    }


_CENTRE = CentreRead(
    href=f"{BASE}/centres/{AN_ID}", id=AN_ID, name="University Hospital North", country="DE",
    time_zone="Europe/Berlin", kinds=["pancreas_centre"], languages=["de", "en"],
    capabilities=["arterial_reconstruction"], hospitals=[], active=True, volumes=[A_VOLUME],
    surgeons=[AN_ID], conflicts=[], note="",
)  # fmt: skip
_SUMMED = {name: getattr(_CENTRE, name) for name in CentreSummary.__struct_fields__}

ENDPOINTS = (
    Endpoint(
        "GET", "/centres", list_centres, Action.CENTRES_READ, TAG, "List centres",
        Centres, Centres(centres=[CentreSummary(**_SUMMED)]),
    ),
    Endpoint(
        "GET", "/centres/<centre_id>", read_centre, Action.CENTRES_READ, TAG, "Read a centre",
        CentreRead, _CENTRE,
    ),
)  # fmt: skip
