"""What people and contacts choose to be sent, and the contacts themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.records import Case
from server.foundation.errors import FieldProblem, Invalid
from server.notices.kinds import KINDS, Choice, Group, NoticeKind
from server.notices.letters import LANGUAGES
from server.notices.records import Contact, Preference
from server.people.records import Hospital, Person

# RFC 5321 section 4.5.3.1: a local part has 64 octets, a path 256 with its angle brackets.
_ADDRESS = re.compile(r"[^@\s<>,;\"']{1,64}@[^@\s<>,;\"']+\.[^@\s<>,;\"']+")
LONGEST_ADDRESS = 254
CONTACTS_OF_A_CASE = 8


def choose(
    session: Session, owner_id: str, group: Group, chosen: Mapping[NoticeKind, Choice]
) -> None:
    """Keep how `owner_id` wants the mails of each kind; raises Invalid for what cannot be switched
    off."""
    problems = [
        FieldProblem(f"/{kind.value}", f"“{KINDS[kind].label}” cannot be switched off.")
        for kind, choice in chosen.items()
        if choice is Choice.NEVER and group in KINDS[kind].must
    ]
    if problems:
        raise Invalid("The choice was not kept.", problems)
    for kind, choice in chosen.items():
        known = session.get(Preference, (owner_id, kind.value))
        if known is None:
            session.add(Preference(owner_id=owner_id, kind=kind.value, choice=choice.value))
        else:
            known.choice = choice.value
    session.flush()


def chosen_by(session: Session, owner_id: str) -> dict[NoticeKind, Choice]:
    """What was chosen; a kind that is not in it comes as usual."""
    found = session.scalars(select(Preference).where(Preference.owner_id == owner_id))
    known = {kind.value for kind in NoticeKind}
    return {NoticeKind(one.kind): Choice(one.choice) for one in found if one.kind in known}


def write_in(session: Session, person: Person, language: str) -> None:
    """Write to somebody in this language; raises Invalid."""
    _check_language(language)
    person.language = language
    session.flush()


def add_contact(
    session: Session,
    hospital: Hospital,
    *,
    case: Case | None,
    name: str,
    email: str,
    language: str,
    by: str,
    now: datetime,
    grant_id: str | None = None,
) -> Contact:
    """Write to this address about the hospital's cases, or about one. The same address is kept once;
    raises Invalid."""
    name, email = name.strip(), email.strip().lower()
    _check_language(language)
    standing = contacts(session, hospital, case)
    _check_contact(name, email, is_full=case is not None and len(standing) >= CONTACTS_OF_A_CASE)
    known = next((one for one in standing if one.email == email), None)
    if known is not None:
        known.name, known.language = name[:200], language
        return known
    made = Contact(
        hospital_id=hospital.id,
        case_id=case.id if case else None,
        grant_id=grant_id,
        name=name[:200],
        email=email,
        language=language,
        added_at=now,
        added_by=by[:200],
    )
    session.add(made)
    session.flush()
    return made


def _check_contact(name: str, email: str, *, is_full: bool) -> None:
    problems = []
    if not name:
        problems.append(FieldProblem("/name", "Enter whose address it is."))
    if len(email) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(email):
        problems.append(
            FieldProblem("/email", "Enter an e-mail address such as office@hospital.example.")
        )
    if is_full:
        problems.append(
            FieldProblem("/email", "Enough people are written to. Remove one of them first.")
        )
    if problems:
        raise Invalid("The address was not kept.", problems)


def contacts(session: Session, hospital: Hospital, case: Case | None) -> list[Contact]:
    """Who is written to about this one case, or, without one, about all of the hospital's."""
    wanted = select(Contact).where(
        Contact.hospital_id == hospital.id,
        Contact.case_id == (case.id if case else None),
        Contact.removed_at.is_(None),
    )
    return list(session.scalars(wanted.order_by(Contact.name, Contact.email)))


def remove_contact(session: Session, contact: Contact, now: datetime) -> None:
    """Write to this address no more. What still waits for it is not sent."""
    contact.removed_at = contact.removed_at or now
    session.flush()


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise Invalid(
            "The language is not known.",
            [FieldProblem("/language", "Choose a language from the list.")],
        )
