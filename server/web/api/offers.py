"""A surgeon's own list, and their answer to being asked: accept, or decline with a reason."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.access.door import NotPermitted
from server.access.permissions import Account
from server.cases.asking import Role, Standing
from server.cases.assigning import OfferNotOpen, part_of
from server.cases.lifecycle import LABELS, State
from server.cases.records import Assignment
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AT, DAY, NUMBER, Day, Href, Moment, Number, Reason, Said, Word
from server.web.pages.offers import accepted, declined, person_asked
from server.web.pages.reviews import reviews_of
from server.web.visit import Visit

TAG = "Reviewing"


class OfferRead(Given):
    """What somebody is asked, and until when they can answer."""

    href: Href
    number: Number
    organ: Word
    question: Said
    role: Annotated[Role, Meta(description="As what they are asked.")]
    state: Annotated[Standing, Meta(description="How their part in the case stands.")]
    asked_at: Moment
    answer_by: Moment | None
    first_takes: Annotated[bool, Meta(description="Several are asked; the first to accept has it.")]


class ReviewRead(Given):
    """A case that the caller has, and what is to be done there."""

    href: Href
    number: Number
    organ: Word
    state: Annotated[State, Meta(description="Where the case stands.")]
    state_label: str
    due_on: Day | None
    role: Annotated[str, Meta(description="As what they have it, in words.")]
    todo: Annotated[str, Meta(description="What they have done and have to do, in words.")]
    news: Annotated[list[str], Meta(description="What is new since they last looked.")]
    done: Annotated[bool, Meta(description="Nothing is to be done there now.")]


class Reviews(Given):
    """A reviewer's own list: offers first, then the next deadline."""

    offers: list[OfferRead]
    reviews: list[ReviewRead]


class Declined(Sent):
    """Why somebody does not take the case, or gives it back."""

    reason: Reason


class ForReviewers(NotPermitted):
    """Only a signed-in surgeon has a list of reviews."""


def list_reviews(visit: Visit) -> Reviews:
    """The signed-in surgeon's offers and cases."""
    if not (isinstance(visit.actor, Account) and visit.actor.role == "surgeon"):
        raise ForReviewers("Only a surgeon's account has reviews.", remedy="Ask for “/cases”.")
    offers, rows = reviews_of(visit)
    return Reviews(
        offers=[_offer(one) for one in offers],
        reviews=[
            ReviewRead(
                href=f"{BASE}/cases/{row.case.number}",
                number=row.case.number,
                organ=row.case.organ,
                state=State(row.case.state),
                state_label=LABELS[State(row.case.state)],
                due_on=row.case.due_on,
                role=row.role,
                todo=row.todo,
                news=list(row.news),
                done=row.done,
            )
            for row in rows
        ],
    )


def read_offer(visit: Visit) -> OfferRead:
    """What the caller is asked. The case itself is read once it is accepted."""
    mine = part_of(visit.case, person_asked(visit))
    if mine is None:
        raise OfferNotOpen("This case was not offered to you.", remedy="Ask the coordinator.")
    return _offer(mine)


def accept(visit: Visit) -> OfferRead:
    """Take the case, or the seat in its panel."""
    return _offer(accepted(visit))


def decline(visit: Visit, body: Declined) -> OfferRead:
    """Say no, or give the case back. What was entered is kept."""
    return _offer(declined(visit, body.reason))


def _offer(one: Assignment) -> OfferRead:
    return OfferRead(
        href=f"{BASE}/cases/{one.case.number}/offer",
        number=one.case.number,
        organ=one.case.organ,
        question=one.case.question,
        role=Role(one.role),
        state=Standing(one.state),
        asked_at=one.assigned_at,
        answer_by=one.answer_by,
        first_takes=one.first_takes,
    )


_AT = "/cases/<number>/offer"
_OFFER = OfferRead(
    href=f"{BASE}/cases/{NUMBER}/offer",
    number=NUMBER,
    organ="pancreas",
    question="Can the tumour be resected after four cycles of FOLFIRINOX?",
    role=Role.REVIEWER,
    state=Standing.OFFERED,
    asked_at=AT,
    answer_by=AT,
    first_takes=True,
)
_REVIEW = ReviewRead(
    href=f"{BASE}/cases/{NUMBER}",
    number=NUMBER,
    organ="pancreas",
    state=State.IN_REVIEW,
    state_label=LABELS[State.IN_REVIEW],
    due_on=DAY,
    role="Reviewer",
    todo="Your form: draft saved 2026-11-20",
    news=["1 new study"],
    done=False,
)

ENDPOINTS = (
    Endpoint(
        "GET", "/reviews", list_reviews, Action.WORKLIST_READ, TAG, "A surgeon's own list",
        Reviews, Reviews(offers=[_OFFER], reviews=[_REVIEW]),
        description="For a surgeon's account. The form beside the images is filled in and signed in "
        "the viewer; in a panel that signature is the vote.",
        refusals=("for_reviewers",),
    ),
    Endpoint(
        "GET", _AT, read_offer, Action.OFFER_ANSWER, TAG, "What one is asked", OfferRead, _OFFER,
        description="For the account or the access link of whoever was asked.",
        refusals=("offer_not_open",),
    ),
    Endpoint(
        "POST", f"{_AT}/acceptance", accept, Action.OFFER_ANSWER, TAG, "Accept", OfferRead, _OFFER,
        creates=True, refusals=("offer_not_open",),
    ),
    Endpoint(
        "POST", f"{_AT}/refusal", decline, Action.OFFER_ANSWER, TAG,
        "Decline, or give the case back", OfferRead, _OFFER,
        body=Declined, sent=Declined(reason="On leave until December."),
        creates=True, refusals=("offer_not_open", "has_voted"),
    ),
)  # fmt: skip
