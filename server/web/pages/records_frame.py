"""What surrounds the pages of a case's records: the tabs, the count of what is missing, the form that
came back, and the words that this visitor may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from server.access.action import Action
from server.cases.records import CaseDocument
from server.dossier.checklist import Need
from server.dossier.completeness import Completeness, ItemState
from server.dossier.documents import KINDS, LANGUAGES, kind_words, language_words
from server.dossier.queries import (
    completeness_of,
    facts_of_document,
    request_of,
    specimens_of,
    standing_consent,
    tasks_of,
    unclassified,
)
from server.dossier.records import CaseRequest, DocumentFacts, PatientConsent
from server.foundation.errors import MarginError
from server.web.languages import said, said_each
from server.web.pages.case_places import Tab, base_of
from server.web.pages.layout import page
from server.web.pages.typed_forms import problems_by_field, typed_fields
from server.web.redaction import Identity, without_identity
from server.web.shown import veil_of
from server.web.visit import Visit

TABS = (
    ("records", "Checklist", "", Action.RECORDS_READ),
    ("values", "Values and history", "/values", Action.RECORDS_READ),
    ("request", "Request and consent", "/request", Action.RECORDS_READ),
    ("specimens", "Specimens and tasks", "/specimens", Action.SPECIMENS_READ),
)


@dataclass(frozen=True)
class DocumentSeen:
    """A document with what was said of it, or None before anybody did."""

    document: CaseDocument
    facts: DocumentFacts | None
    label: str

    @property
    def words(self) -> str:
        """Its kind, language and date."""
        if self.facts is None:
            return said(kind_words(""))
        parts = (said(kind_words(self.facts.kind)), said(language_words(self.facts.language)))
        return ", ".join(filter(None, (*parts, self.facts.dated_on)))


@dataclass(frozen=True)
class Glance:
    """A case's records in a few figures, for the pages of the case."""

    records: Completeness
    request: CaseRequest
    consent: PatientConsent | None
    unclassified: int
    overdue_specimens: int
    specimens_under_way: int
    open_tasks: int
    late_tasks: int

    @property
    def required(self) -> tuple[int, int]:
        """How many of the required items are settled, and how many there are."""
        return self.records.settled_of(Need.REQUIRED)


def home_of(visit: Visit) -> str:
    """The case's page for this visitor."""
    return f"{base_of(visit)}/" if visit.admission.launch else base_of(visit)


def said_of(visit: Visit) -> Callable[[str], str]:
    """How a text that somebody wrote is shown to this visitor: without what is known of the patient,
    the hospital, whoever asks for the patient, and the first centre."""
    veil = veil_of(visit)
    if veil is None:
        return str
    asked = request_of(visit.session, visit.case)
    also = Identity(
        names=frozenset({asked.asker_name}), institutions=frozenset({asked.first_centre})
    )
    return lambda text: veil.text(without_identity(text, also))


def frame(
    visit: Visit, template: str, tab: str, *, refused: MarginError | None = None, **facts: Any
) -> Response:
    """A page of the records. `refused` brings its problems to the fields of the form `at`."""
    base = base_of(visit)
    tabs = [
        Tab(label, f"{base}/records{path}", name == tab)
        for name, label, path, action in TABS
        if visit.may(action)
    ]
    shown: dict[str, Any] = {
        "case": visit.case,
        "base": base,
        "case_home": home_of(visit),
        "tabs": tabs,
        "records": completeness_of(visit.session, visit.case),
        "errors": problems_by_field(refused),
        "typed": typed_fields() if refused else {},
        "at": "",
        "said": said_of(visit),
        "may_fill": visit.may(Action.RECORDS_FILL),
        "may_judge": visit.may(Action.RECORDS_JUDGE),
        "named": not visit.pseudonymised,
        "kinds": said_each(KINDS),
        "languages": said_each(LANGUAGES),
    }
    return page(visit, template, refused=refused, **{**shown, **facts})


def documents_seen(visit: Visit) -> list[DocumentSeen]:
    """The case's documents by what was said of them; their names only for who may see names."""
    facts = facts_of_document(visit.session, visit.case.id)
    return [
        DocumentSeen(
            one, facts.get(one.id), f"Document {place}" if visit.pseudonymised else one.title
        )
        for place, one in enumerate(visit.case.documents, start=1)
    ]


def glance(visit: Visit) -> Glance:
    """What the case's page says of its records."""
    session, case = visit.session, visit.case
    specimens = specimens_of(session, case, visit.now.date())
    tasks = [one for one in tasks_of(session, case) if one.state == "open"]
    return Glance(
        records=completeness_of(session, case),
        request=request_of(session, case),
        consent=standing_consent(session, case),
        unclassified=len(unclassified(case, facts_of_document(session, case.id))),
        overdue_specimens=sum(one.standing.overdue_days > 0 for one in specimens),
        specimens_under_way=sum(one.standing.step == "in_transit" for one in specimens),
        open_tasks=len(tasks),
        late_tasks=sum(one.due_on is not None and one.due_on < visit.now.date() for one in tasks),
    )


def consent_problem(visit: Visit) -> str:
    """What is wrong with the patient's consent, or nothing."""
    return completeness_of(visit.session, visit.case).consent.problem


def wanted_of(visit: Visit) -> tuple[ItemState, ...]:
    """What the hospital still has to send or say, for `records_wanted.html`."""
    return completeness_of(visit.session, visit.case).wanted
