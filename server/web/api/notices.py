"""What one is told and how: one's own notices and choices, and the addresses of hospitals."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.access.door import NotPermitted
from server.access.permissions import Account
from server.notices import preferences, queries
from server.notices.kinds import Choice, NoticeKind
from server.notices.letters import LANGUAGES
from server.notices.preferences import LONGEST_ADDRESS
from server.notices.recipients import group_of
from server.notices.records import Contact, Delivery
from server.people.queries import HospitalNotFound, hospital, person
from server.people.records import Hospital
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, Id, Line, Moment, Word
from server.web.api.scope import hospitals_of
from server.web.pages.notice_choices import chosen_of
from server.web.visit import Visit

TAG = "Notices"
Language = Annotated[Word, Meta(description=f"One of {', '.join(LANGUAGES)}.")]


class NoticeRead(Given):
    """Something that the caller was told."""

    kind: NoticeKind
    case: str | None
    at: Moment
    read: bool


class Notices(Given):
    """What the caller was told, the newest first; at most a hundred."""

    unread: int
    notices: list[NoticeRead]


class KindChosen(Given):
    """One kind of notice, and how its mails come."""

    kind: NoticeKind
    label: str
    choice: Choice
    must: Annotated[bool, Meta(description="It cannot be switched off.")]


class Preferences(Given):
    """What the caller is sent, and how."""

    email: str
    language: Language
    kinds: list[KindChosen]


class PreferencesSent(Sent):
    """How mails come from now on. What is left out stays as it is."""

    language: Language = ""
    choices: Annotated[
        dict[NoticeKind, Choice], Meta(description="now, daily or never, by the kind of notice.")
    ] = {}  # noqa: RUF012 - copied by msgspec


class ContactRead(Given):
    """An address of a hospital that is written to about all its cases."""

    id: Id
    name: Line
    email: str
    language: Word
    added_at: Moment


class Contacts(Given):
    """Whom a hospital wants written to."""

    contacts: list[ContactRead]


class ContactSent(Sent):
    """One more address. The same address is kept once."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    email: Annotated[str, Meta(min_length=3, max_length=LONGEST_ADDRESS)]
    language: Language = "en"


class ForPeople(NotPermitted):
    """Only a signed-in person is told something by name; programs have webhooks."""


def _own_id(visit: Visit) -> str:
    if not isinstance(visit.actor, Account):
        raise ForPeople(
            "Only a signed-in person has notices of their own.",
            remedy="Use a webhook for a program.",
        )
    return visit.actor.person_id


def list_notices(visit: Visit) -> Notices:
    """What the caller was told."""
    own = _own_id(visit)
    return Notices(
        unread=queries.unread_count(visit.session, own),
        notices=[_notice(one) for one in queries.told(visit.session, own)],
    )


def read_preferences(visit: Visit) -> Preferences:
    """What the caller chose."""
    found = person(visit.session, _own_id(visit))
    return Preferences(
        email=found.email,
        language=found.language,
        kinds=[
            KindChosen(kind=one.kind, label=one.label, choice=one.choice, must=one.must)
            for one in chosen_of(visit, found.id, group_of(found))
        ],
    )


def choose(visit: Visit, body: PreferencesSent) -> Preferences:
    """Keep what the caller chooses."""
    found = person(visit.session, _own_id(visit))
    if body.language:
        preferences.write_in(visit.session, found, body.language)
    preferences.choose(visit.session, found.id, group_of(found), body.choices)
    return read_preferences(visit)


def list_contacts(visit: Visit, hospital_id: str) -> Contacts:
    """Whom the hospital wants written to about all its cases."""
    theirs = _theirs(visit, hospital_id)
    return Contacts(
        contacts=[_contact(one) for one in preferences.contacts(visit.session, theirs, None)]
    )


def add_contact(visit: Visit, hospital_id: str, body: ContactSent) -> ContactRead:
    """Write to one more address."""
    theirs = _theirs(visit, hospital_id)
    kept = preferences.add_contact(
        visit.session,
        theirs,
        case=None,
        name=body.name,
        email=body.email,
        language=body.language,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(hospital=theirs.id)
    return _contact(kept)


def remove_contact(visit: Visit, hospital_id: str, contact_id: str) -> None:
    """Write to an address no more."""
    theirs = _theirs(visit, hospital_id)
    found = queries.contact(visit.session, contact_id, hospital_id=theirs.id)
    preferences.remove_contact(visit.session, found, visit.now)
    visit.note(hospital=theirs.id)


def _theirs(visit: Visit, hospital_id: str) -> Hospital:
    own = hospitals_of(visit)
    if own is not None and hospital_id not in own:
        raise HospitalNotFound(
            "This hospital is not registered.", remedy="Choose one from the list."
        )
    return hospital(visit.session, hospital_id)


def _notice(one: Delivery) -> NoticeRead:
    return NoticeRead(
        kind=NoticeKind(one.notice.kind),
        case=one.notice.case.number if one.notice.case else None,
        at=one.notice.created_at,
        read=one.read_at is not None,
    )


def _contact(one: Contact) -> ContactRead:
    return ContactRead(
        id=one.id, name=one.name, email=one.email, language=one.language, added_at=one.added_at
    )


_CONTACT = ContactRead(
    id=AN_ID, name="Tumour board", email="board@riverside.example", language="en", added_at=AT
)
_CHOSEN = Preferences(
    email="clara@margin.example",
    language="en",
    kinds=[
        KindChosen(
            kind=NoticeKind.OPINION_ISSUED, label="An opinion is issued", choice=Choice.NOW,
            must=False,
        )
    ],
)  # fmt: skip
_OWN = "For a signed-in account; programs are told by webhooks."
_CONTACTS = "/hospitals/<hospital_id>/contacts"

ENDPOINTS = (
    Endpoint(
        "GET", "/notices", list_notices, Action.NOTICES_READ, TAG, "What one was told",
        Notices,
        Notices(
            unread=1,
            notices=[NoticeRead(kind=NoticeKind.OPINION_ISSUED, case=None, at=AT, read=False)],
        ),
        description=_OWN,
    ),
    Endpoint(
        "GET", "/notices/preferences", read_preferences, Action.NOTICES_READ, TAG,
        "How one is told", Preferences, _CHOSEN, description=_OWN,
    ),
    Endpoint(
        "PUT", "/notices/preferences", choose, Action.NOTICES_CHOOSE, TAG, "Choose how one is told",
        Preferences, _CHOSEN, description=_OWN,
        body=PreferencesSent, sent=PreferencesSent(choices={NoticeKind.DUE_SOON: Choice.DAILY}),
    ),
    Endpoint(
        "GET", _CONTACTS, list_contacts, Action.CONTACTS_CHANGE, TAG,
        "Whom a hospital wants written to", Contacts, Contacts(contacts=[_CONTACT]),
    ),
    Endpoint(
        "POST", _CONTACTS, add_contact, Action.CONTACTS_CHANGE, TAG, "Write to one more address",
        ContactRead, _CONTACT,
        body=ContactSent, sent=ContactSent(name="Tumour board", email="board@riverside.example"),
        status=201, creates=True,
    ),
    Endpoint(
        "DELETE", f"{_CONTACTS}/<contact_id>", remove_contact, Action.CONTACTS_CHANGE, TAG,
        "Write to an address no more", None, status=204,
    ),
)  # fmt: skip
