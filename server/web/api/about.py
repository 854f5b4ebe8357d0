"""Who the caller is, which words the API knows, and which hospitals there are for them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.access.permissions import OPEN_TO_ALL, Account, Program
from server.annotations.organs import ORGANS
from server.cases.lifecycle import LABELS
from server.dossier.checklist import checklists, circumstances, markers
from server.dossier.documents import KINDS, LANGUAGES
from server.dossier.quantities import QUANTITIES
from server.dossier.value_sets import (
    ASKERS,
    CONSENT_WAYS,
    REASONS,
    RESPONSES,
    SPECIMEN_KINDS,
    TREATMENT_KINDS,
)
from server.people.queries import hospital, hospitals
from server.people.records import Hospital
from server.web.api.cases import HospitalNamed
from server.web.api.endpoint import Endpoint, Given
from server.web.api.fields import AN_ID, Choice, Id, Line, Word, choices
from server.web.api.scope import hospitals_of
from server.web.visit import Visit

TAG = "About"


class Me(Given):
    """Who is asking, as Margin knows them, and what they may ask for."""

    kind: Annotated[str, Meta(description="program or account")]
    name: Line
    hospital: Annotated[
        HospitalNamed | None, Meta(description="The hospital whose cases these are; null for all.")
    ]
    may: Annotated[list[str], Meta(description="The actions that the key or account allows.")]


class Sender(Given):
    """One AE title from which a hospital's images are taken."""

    ae_title: Word
    host: Line
    port: int


class HospitalRead(Given):
    """A hospital and the lines from which it sends."""

    id: Id
    name: Line
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2, or empty.")]
    language: Annotated[str, Meta(description="The language in which it is written to.")]
    lines: list[Sender]


class Hospitals(Given):
    """The hospitals that the caller may know of, by name."""

    hospitals: list[HospitalRead]


class QuantityKnown(Given):
    """A blood value or measurement that can be sent, with its units and limits in the first unit."""

    id: Word
    title: Line
    units: list[str]
    least: float
    most: float


class MarkerKnown(Given):
    """A biomarker and the results that it can have."""

    id: Word
    title: Line
    results: list[str]


class CancerKnown(Given):
    """A kind of cancer, which decides what records are wanted."""

    id: Word
    organ: Word
    title: Line


class Vocabulary(Given):
    """Every value set that requests and answers use."""

    organs: list[Choice]
    cancers: list[CancerKnown]
    states: list[Choice]
    document_kinds: list[Choice]
    languages: list[Choice]
    askers: list[Choice]
    reasons: list[Choice]
    consent_ways: list[Choice]
    treatment_kinds: list[Choice]
    responses: list[Choice]
    specimen_kinds: list[Choice]
    circumstances: list[Choice]
    quantities: list[QuantityKnown]
    markers: list[MarkerKnown]


def who_am_i(visit: Visit) -> Me:
    """The caller."""
    actor = visit.actor
    known = None
    if isinstance(actor, Program) and actor.hospital_id is not None:
        own = hospital(visit.session, actor.hospital_id)
        known = HospitalNamed(id=own.id, name=own.name)
    assert isinstance(actor, Program | Account)
    return Me(
        kind="program" if isinstance(actor, Program) else "account",
        name=actor.name,
        hospital=known,
        may=sorted(one.value for one in set(Action) - OPEN_TO_ALL if visit.may(one)),
    )


def list_hospitals(visit: Visit) -> Hospitals:
    """Their own hospital for a hospital's key; those in their care for an account."""
    own = hospitals_of(visit)
    return Hospitals(
        hospitals=[_read(one) for one in hospitals(visit.session) if own is None or one.id in own]
    )


def _read(one: Hospital) -> HospitalRead:
    return HospitalRead(
        id=one.id,
        name=one.name,
        country=one.country,
        language=one.language,
        lines=[
            Sender(ae_title=line.ae_title, host=line.host, port=line.port) for line in one.lines
        ],
    )


def vocabulary(_visit: Visit) -> Vocabulary:
    """The value sets."""
    return Vocabulary(
        organs=[Choice(value=one.id, label=one.title) for one in ORGANS.values()],
        cancers=[
            CancerKnown(id=one.id, organ=one.organ, title=one.title)
            for one in checklists().values()
        ],
        states=choices({state.value: label for state, label in LABELS.items()}),
        document_kinds=choices(KINDS),
        languages=choices(LANGUAGES),
        askers=choices(ASKERS),
        reasons=choices(REASONS),
        consent_ways=choices(CONSENT_WAYS),
        treatment_kinds=choices(TREATMENT_KINDS),
        responses=choices(RESPONSES),
        specimen_kinds=choices(SPECIMEN_KINDS),
        circumstances=[Choice(value=one.id, label=one.question) for one in circumstances()],
        quantities=[
            QuantityKnown(
                id=one.id,
                title=one.title,
                units=[unit.name for unit in one.units],
                least=one.least,
                most=one.most,
            )
            for one in QUANTITIES.values()
        ],
        markers=[
            MarkerKnown(id=one.id, title=one.title, results=list(one.results))
            for one in markers().values()
        ],
    )


_OWN = HospitalNamed(id=AN_ID, name="Riverside General")
_VALUE = Choice(value="pancreas", label="Pancreas")
_WORDS = Vocabulary(
    organs=[_VALUE],
    cancers=[CancerKnown(id="pancreas", organ="pancreas", title="Pancreatic cancer")],
    states=[Choice(value="open", label="Open, nothing received")],
    document_kinds=choices({"radiology_report": KINDS["radiology_report"]}),
    languages=choices({"en": "English"}),
    askers=choices({"hospital": ASKERS["hospital"]}),
    reasons=choices({"unresectable": REASONS["unresectable"]}),
    consent_ways=choices({"written": CONSENT_WAYS["written"]}),
    treatment_kinds=choices({"chemotherapy": "Chemotherapy"}),
    responses=[],
    specimen_kinds=[],
    circumstances=[],
    quantities=[
        QuantityKnown(id="ca19_9", title="CA 19-9", units=["U/mL"], least=0, most=1_000_000)
    ],
    markers=[MarkerKnown(id="msi", title="MSI", results=["stable", "high"])],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/me", who_am_i, Action.API_READ, TAG, "Who the caller is", Me,
        Me(kind="program", name="PACS bridge", hospital=_OWN, may=["case.open", "case.read"]),
    ),
    Endpoint(
        "GET", "/vocabulary", vocabulary, Action.API_READ, TAG,
        "Every value set that requests and answers use", Vocabulary, _WORDS,
    ),
    Endpoint(
        "GET", "/hospitals", list_hospitals, Action.HOSPITALS_READ, TAG, "List hospitals",
        Hospitals,
        Hospitals(
            hospitals=[
                HospitalRead(
                    id=AN_ID, name="Riverside General", country="GB", language="en",
                    lines=[Sender(ae_title="RIVERSIDE", host="10.1.4.20", port=104)],
                )
            ]
        ),
    ),
)  # fmt: skip
