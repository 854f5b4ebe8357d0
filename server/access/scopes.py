"""What a program's key can allow: scopes, each a set of the actions that people have. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from server.access.action import Action
from server.access.permissions import BY_ROLE

A = Action


class Scope(StrEnum):
    """What a key allows. A hospital's key takes the first four; the others are for services."""

    READ = "read"
    SEND = "send"
    OPINION = "opinion"
    EVENTS = "events"
    COORDINATE = "coordinate"
    FIGURES = "figures"
    RESEARCH = "research"


# What of a coordinator's work needs a person: signing in and out, a visit with its cookie, and what is
# told to somebody by name.
NEEDS_A_PERSON = frozenset({A.LAUNCH, A.NOTICES_CHOOSE, A.NOTICES_READ, A.SIGN_OUT})

BY_SCOPE: dict[Scope, frozenset[Action]] = {
    Scope.READ: frozenset(
        {
            A.AFTERCARE_READ,
            A.API_READ,
            A.CASE_READ,
            A.CLOCK_READ,
            A.DOCUMENT_READ,
            A.HOSPITALS_READ,
            A.OUTCOME_READ,
            A.QUESTIONS_READ,
            A.RECORDS_READ,
            A.RULES_EVALUATE,
            A.SHARING_READ,
            A.SPECIMENS_READ,
            A.WORKLIST_READ,
        }
    ),
    Scope.SEND: frozenset(
        {
            A.API_READ,
            A.CASE_OPEN,
            A.CASE_READ,
            A.DOCUMENT_SEND,
            A.CONSENT_WITHDRAW,
            A.IMAGES_SEND,
            A.OUTCOME_ENTER,
            A.QUESTIONS_WRITE,
            A.RECORDS_FILL,
            A.SPECIMENS_CHANGE,
        }
    ),
    Scope.OPINION: frozenset(
        {A.ANSWER_ASK, A.ANSWER_READ, A.API_READ, A.CASE_READ, A.OPINION_READ}
    ),
    Scope.EVENTS: frozenset({A.API_READ, A.WEBHOOKS_CHANGE}),
    Scope.COORDINATE: BY_ROLE["coordinator"] - NEEDS_A_PERSON,
    Scope.FIGURES: frozenset({A.API_READ, A.FIGURES_READ}),
    Scope.RESEARCH: frozenset({A.API_READ, A.RESEARCH_EXPORT}),
}
OF_HOSPITALS = (Scope.READ, Scope.SEND, Scope.OPINION, Scope.EVENTS)
LABELS: dict[Scope, str] = {
    Scope.READ: "Read cases, findings and records",
    Scope.SEND: "Open cases, send images, records, questions and outcomes",
    Scope.OPINION: "Fetch the opinion, and ask back on it",
    Scope.EVENTS: "Have webhooks called when something happens",
    Scope.COORDINATE: "Do a coordinator’s work",
    Scope.FIGURES: "Read the figures over all cases",
    Scope.RESEARCH: "Make and fetch de-identified research exports",
}


def actions_of(scopes: Iterable[str]) -> frozenset[Action]:
    """Everything that these scopes allow together; a scope that is no longer known allows nothing."""
    known = {scope.value for scope in Scope}
    return frozenset().union(*(BY_SCOPE[Scope(one)] for one in scopes if one in known))
