"""What everybody is sent: people's own choices, and the addresses of those without an account."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.conversation.visibility import Side
from server.foundation.errors import FieldProblem, Invalid, MarginError
from server.notices import preferences, queries
from server.notices.kinds import KINDS, Choice, Group, NoticeKind, choice_of, kinds_for
from server.notices.letters import language_names
from server.notices.recipients import group_of
from server.notices.records import Contact
from server.people.queries import person
from server.web.forms import text_only
from server.web.languages import say
from server.web.pages.layout import go, page
from server.web.pages.notices import tabs
from server.web.pages.worklist import coordinated, hospital_in_care
from server.web.visit import Visit
from server.web.voices import person_id_of, voice_of

CHOICES = {Choice.NOW: "at once", Choice.DAILY: "once a day", Choice.NEVER: "no mail"}
NO_PERSON = Invalid(
    "Nothing was kept.",
    [FieldProblem("/email", "Margin knows no e-mail address for this link.")],
)


@dataclass(frozen=True)
class KindChosen:
    """A kind of notice with how its mails come now."""

    kind: NoticeKind
    label: str
    choice: Choice
    must: bool


@dataclass(frozen=True)
class OwnerShown:
    """Somebody who chooses: a person, or a hospital's contact."""

    id: str
    name: str
    email: str
    language: str
    kinds: list[KindChosen]


def chosen_of(visit: Visit, owner_id: str, group: Group) -> list[KindChosen]:
    """Every kind that this owner is told of, with how its mails come."""
    chosen = preferences.chosen_by(visit.session, owner_id)
    return [
        KindChosen(
            kind,
            KINDS[kind].label,
            choice_of(kind, group, chosen.get(kind)),
            group in KINDS[kind].must,
        )
        for kind in kinds_for(group)
    ]


def _of_person(visit: Visit, person_id: str) -> OwnerShown:
    found = person(visit.session, person_id)
    kinds = chosen_of(visit, found.id, group_of(found))
    return OwnerShown(found.id, found.name, found.email, found.language, kinds)


def _of_contact(visit: Visit, contact: Contact) -> OwnerShown:
    kinds = chosen_of(visit, contact.id, Group.HOSPITAL)
    return OwnerShown(contact.id, contact.name, contact.email, contact.language, kinds)


def preferences_page(visit: Visit, refused: MarginError | None = None) -> Response:
    """What this account is sent, and how."""
    return page(
        visit,
        "preferences.html",
        refused=refused,
        tabs=tabs(visit),
        owner=_of_person(visit, visit.account.person_id),
        choices=CHOICES,
        languages=language_names(),
        problems=_problems(refused),
    )


def _problems(refused: MarginError | None) -> list[str]:
    return [one.message for one in refused.problems] if refused else []


def choose(visit: Visit) -> Response:
    """Keep what this account chose."""
    try:
        with visit.attempt():
            _keep_for_person(visit, visit.account.person_id)
    except Invalid as error:
        return preferences_page(visit, error)
    return go("/notices/preferences", "Your choice is kept.")


def _keep_for_person(visit: Visit, person_id: str) -> None:
    found = person(visit.session, person_id)
    preferences.write_in(visit.session, found, request.form.get("language", ""))
    group = group_of(found)
    preferences.choose(visit.session, found.id, group, _chosen(group))


def _chosen(group: Group) -> dict[NoticeKind, Choice]:
    """What a form says of each kind; what it does not name stays as it is."""
    known = {one.value for one in Choice}
    sent = {kind: request.form.get(f"choice_{kind.value}", "") for kind in kinds_for(group)}
    return {kind: Choice(said) for kind, said in sent.items() if said in known}


def link_page(visit: Visit, refused: MarginError | None = None, at: str = "") -> Response:
    """What whoever came by a link is sent: a surgeon's own choice, or a hospital's addresses for this
    case."""
    case, person_id = visit.case, person_id_of(visit)
    by_hospital = voice_of(visit).side is Side.HOSPITAL
    everywhere = preferences.contacts(visit.session, case.hospital, None) if by_hospital else []
    here = preferences.contacts(visit.session, case.hospital, case) if by_hospital else []
    return page(
        visit,
        "notices_link.html",
        refused=refused,
        case=case,
        base=f"/r/{visit.launch.id}",
        owner=_of_person(visit, person_id) if person_id else None,
        by_hospital=by_hospital,
        everywhere=everywhere,
        contacts=[_of_contact(visit, one) for one in here],
        choices=CHOICES,
        languages=language_names(),
        language=case.hospital.language,
        problems=_problems(refused),
        typed=request.form if refused else {},
        at=at,
    )


def choose_by_link(visit: Visit, owner: str) -> Response:
    """Keep what a surgeon chose for themselves, or what is sent to one address of this case."""
    person_id = person_id_of(visit)
    try:
        with visit.attempt():
            if owner == "me" and person_id is not None:
                _keep_for_person(visit, person_id)
            elif owner == "me":
                raise NO_PERSON
            else:
                kept = _contact_of_case(visit, owner)
                group = Group.HOSPITAL
                preferences.choose(visit.session, kept.id, group, _chosen(group))
    except Invalid as error:
        return link_page(visit, error, at=owner)
    return go(f"/r/{visit.launch.id}/notices", say("Your choice is kept."))


def add_by_link(visit: Visit) -> Response:
    """Write to one more address about this case."""
    _hospitals_only(visit)
    try:
        with visit.attempt():
            preferences.add_contact(
                visit.session,
                visit.case.hospital,
                case=visit.case,
                by=visit.actor.text,
                now=visit.now,
                grant_id=visit.launch.grant_id,
                **_contact_typed(),
            )
    except Invalid as error:
        return link_page(visit, error, at="new")
    return go(f"/r/{visit.launch.id}/notices", say("The address is kept."))


def remove_by_link(visit: Visit, contact_id: str) -> Response:
    """Write to an address about this case no more."""
    preferences.remove_contact(visit.session, _contact_of_case(visit, contact_id), visit.now)
    return go(f"/r/{visit.launch.id}/notices", say("Nothing more is sent to this address."))


def _contact_of_case(visit: Visit, contact_id: str) -> Contact:
    """An address that was entered for this very case, asked for by its hospital."""
    _hospitals_only(visit)
    found = queries.contact(visit.session, contact_id, hospital_id=visit.case.hospital_id)
    if found.case_id != visit.case.id:
        raise queries.ContactNotFound(
            "This address belongs to the whole hospital.", remedy="Ask the coordinator."
        )
    return found


def _hospitals_only(visit: Visit) -> None:
    if voice_of(visit).side is not Side.HOSPITAL:
        raise queries.ContactNotFound("There is no such contact.", remedy="Ask the coordinator.")


def _contact_typed() -> dict[str, str]:
    return {name: text_only(request.form.get(name, "")) or "" for name in _TYPED}


_TYPED = ("name", "email", "language")


def contacts_page(visit: Visit, refused: MarginError | None = None, at: str = "") -> Response:
    """Whom each hospital wants written to, for all its cases."""
    theirs = coordinated(visit)
    return page(
        visit,
        "notice_contacts.html",
        refused=refused,
        tabs=tabs(visit),
        hospitals=[(one, preferences.contacts(visit.session, one, None)) for one in theirs],
        languages=language_names(),
        problems=_problems(refused),
        typed=request.form if refused else {},
        at=at,
    )


def add_contact(visit: Visit, hospital_id: str) -> Response:
    """Write to one more address of a hospital."""
    theirs = hospital_in_care(visit, hospital_id)
    try:
        with visit.attempt():
            preferences.add_contact(
                visit.session,
                theirs,
                case=None,
                by=visit.actor.text,
                now=visit.now,
                **_contact_typed(),
            )
    except Invalid as error:
        return contacts_page(visit, error, at=hospital_id)
    visit.note(hospital=theirs.id)
    return go("/notices/contacts", f"{theirs.name} is written to at this address.")


def remove_contact(visit: Visit, hospital_id: str, contact_id: str) -> Response:
    """Write to an address of a hospital no more."""
    theirs = hospital_in_care(visit, hospital_id)
    found = queries.contact(visit.session, contact_id, hospital_id=theirs.id)
    preferences.remove_contact(visit.session, found, visit.now)
    visit.note(hospital=theirs.id)
    return go("/notices/contacts", "Nothing more is sent to this address.")


CHOOSE, CONTACTS, POST = Action.NOTICES_CHOOSE, Action.CONTACTS_CHANGE, ("POST",)
ROUTES = [
    Route("/notices/preferences", preferences_page, CHOOSE),
    Route("/notices/preferences", choose, CHOOSE, POST),
    Route("/notices/contacts", contacts_page, CONTACTS),
    Route("/notices/contacts/<hospital_id>", add_contact, CONTACTS, POST),
    Route("/notices/contacts/<hospital_id>/<contact_id>/remove", remove_contact, CONTACTS, POST),
    Route("/r/<launch>/notices", link_page, CHOOSE),
    Route("/r/<launch>/notices/contacts", add_by_link, CHOOSE, POST),
    Route("/r/<launch>/notices/contacts/<contact_id>/remove", remove_by_link, CHOOSE, POST),
    Route("/r/<launch>/notices/<owner>", choose_by_link, CHOOSE, POST),
]
