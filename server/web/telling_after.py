"""Telling people of what follows an opinion: shared, withdrawn, asked back, answered, seen in person."""

from __future__ import annotations

from server.access.sharing_records import ShareConsent
from server.annotations.records import Revision
from server.answers.records import AnswerQuestion, OpinionAddendum
from server.cases.aftercare.records import InPersonAssessment
from server.cases.records import Case
from server.notices.actions import post
from server.notices.kinds import FactValue, NoticeKind
from server.notices.recipients import Part, Recipients, to
from server.web.visit import Visit
from server.web.voices import person_id_of

_K, _P = NoticeKind, Part


def share_opened(visit: Visit, case: Case, launch_id: str) -> None:
    """A recipient opened what is shared with them."""
    whom = to(_P.COORDINATOR, _P.HOSPITAL)
    _tell(visit, case, _K.SHARE_OPENED, whom, f"{_K.SHARE_OPENED}:{launch_id}")


def consent_withdrawn(visit: Visit, consent: ShareConsent) -> None:
    """The patient took a consent to share back."""
    whom = to(_P.COORDINATOR, _P.HOSPITAL, but=(person_id_of(visit),))
    _tell(visit, visit.case, _K.CONSENT_WITHDRAWN, whom, f"{_K.CONSENT_WITHDRAWN}:{consent.id}")


def in_person(visit: Visit, asked: InPersonAssessment) -> None:
    """An assessment in person is asked for, or stands otherwise."""
    whom = to(_P.COORDINATOR, _P.HOSPITAL, but=(person_id_of(visit),))
    facts: dict[str, FactValue] = {"what": asked.state}
    if asked.on_day is not None:
        facts["on"] = asked.on_day
    key = f"{_K.ASSESSMENT_IN_PERSON}:{asked.id}:{asked.version}"
    _tell(visit, visit.case, _K.ASSESSMENT_IN_PERSON, whom, key, facts)


def asked_back(visit: Visit, asked: AnswerQuestion, signed: Revision) -> None:
    """The local team asks back on a point: whoever signed the opinion is told."""
    signers = tuple(
        one.person_id for one in visit.case.assignments if one.state in ("active", "completed")
    )
    people = tuple(one for one in signers if one == signed.annotation.reviewer_id) or signers
    whom = to(_P.COORDINATOR, people=people, but=(person_id_of(visit),))
    _tell(visit, visit.case, _K.QUESTION_ASKED, whom, f"{_K.QUESTION_ASKED}:point:{asked.id}")


def addendum_signed(visit: Visit, kept: OpinionAddendum) -> None:
    """A surgeon added to the opinion."""
    whom = to(_P.COORDINATOR, _P.HOSPITAL, but=(person_id_of(visit),))
    facts: dict[str, FactValue] = {"number": kept.place}
    _tell(visit, visit.case, _K.ADDENDUM, whom, f"{_K.ADDENDUM}:{kept.id}", facts)


def _tell(
    visit: Visit,
    case: Case,
    kind: NoticeKind,
    whom: Recipients,
    key: str,
    facts: dict[str, FactValue] | None = None,
) -> None:
    post(visit.session, kind=kind, case=case, to=whom, facts=facts or {}, now=visit.now, key=key)
