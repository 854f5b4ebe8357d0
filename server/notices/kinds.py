"""What there is to be told about, to whom, and how urgently unless they chose otherwise. Pure.

A notice says that something happened, never what was written: its facts are days, numbers and words of
fixed lists. So no mail can name a patient, whatever somebody typed into a case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final


class NoticeKind(StrEnum):
    """Everything that is told. The value is the event's type in a webhook's body."""

    CASE_OPENED = "case.opened"
    IMAGES_ARRIVED = "case.images_arrived"
    RECORDS_WANTED = "case.records_wanted"
    RECORDS_COMPLETE = "case.records_complete"
    CASE_PAUSED = "case.paused"
    CASE_RESUMED = "case.resumed"
    CASE_CLOSED = "case.closed"
    CASE_WITHDRAWN = "case.withdrawn"
    OFFERED = "assignment.offered"
    ASSIGNED = "assignment.assigned"
    ACCEPTED = "assignment.accepted"
    DECLINED = "assignment.declined"
    OFFER_TIMED_OUT = "assignment.offer_timed_out"
    UNASSIGNED = "assignment.withdrawn"
    DUE_SOON = "clock.due_soon"
    OVERDUE = "clock.overdue"
    ESCALATED = "clock.escalated"
    QUESTION_ASKED = "question.asked"
    QUESTION_ANSWERED = "question.answered"
    IMAGING_REQUESTED = "imaging.requested"
    VOTE_WANTED = "panel.vote_wanted"
    VOTES_OPEN = "panel.votes_open"
    CONCLUSION_WANTED = "panel.conclusion_wanted"
    OPINION_PRELIMINARY = "opinion.preliminary"
    OPINION_ISSUED = "opinion.issued"
    OPINION_AMENDED = "opinion.amended"
    ADDENDUM = "opinion.addendum"
    SHARE_OPENED = "share.opened"
    CONSENT_WITHDRAWN = "share.consent_withdrawn"
    REASSESSMENT_DUE = "reassessment.due"
    ASSESSMENT_IN_PERSON = "assessment.in_person"
    OUTCOME_WANTED = "outcome.wanted"
    DELIVERY_GIVEN_UP = "delivery.given_up"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_TEST = "webhook.test"
    MAIL_TEST = "mail.test"


class Group(StrEnum):
    """Whose desk a notice lands on."""

    COORDINATOR = "coordinator"
    SURGEON = "surgeon"
    HOSPITAL = "hospital"


class Choice(StrEnum):
    """How somebody wants the mails of one kind."""

    NOW = "now"
    DAILY = "daily"
    NEVER = "never"


FactValue = str | int | date
_FACTS: Final[Mapping[str, type]] = {
    "answer_by": date,
    "count": int,
    "days": int,
    "due_on": date,
    "expires_on": date,
    "limit_on": date,
    "number": int,
    "on": date,
    "round": int,
    "stage": str,
    "what": str,
}
# A word of a fixed list, such as a state or a stage: nothing that a person typed looks like this.
_WORD: Final = re.compile(r"[a-z][a-z0-9_.]{0,39}", re.ASCII)


class FactNotPlain(ValueError):
    """A fact of a notice is not one of the plain kinds: whoever posts it would leak something."""


@dataclass(frozen=True)
class KindRule:
    """Who is told of a kind. `usual` is how each group gets its mails unless it chose otherwise, and a
    group that is not in it is not told; `must` are the groups that cannot switch these mails off.

    `hospitals_may_know`: a hospital's own webhook may subscribe to it.
    """

    label: str
    usual: Mapping[Group, Choice]
    must: frozenset[Group] = frozenset()
    hospitals_may_know: bool = field(default=False)


_K, _C, _S, _H = NoticeKind, Group.COORDINATOR, Group.SURGEON, Group.HOSPITAL
_NOW, _DAILY, _NEVER = Choice.NOW, Choice.DAILY, Choice.NEVER


def _rule(
    label: str, usual: Mapping[Group, Choice], *must: Group, hospitals: bool = False
) -> KindRule:
    return KindRule(label, usual, frozenset(must), hospitals or Group.HOSPITAL in usual)


KINDS: Final[Mapping[NoticeKind, KindRule]] = {
    _K.CASE_OPENED: _rule("A case was opened", {_C: _DAILY, _H: _NOW}),
    _K.IMAGES_ARRIVED: _rule("Images arrived for a case", {_C: _DAILY, _S: _DAILY, _H: _DAILY}),
    _K.RECORDS_WANTED: _rule("Something is missing", {_C: _NEVER, _H: _NOW}, _H),
    _K.RECORDS_COMPLETE: _rule("The records are complete", {_C: _DAILY, _H: _NOW}),
    _K.CASE_PAUSED: _rule("The clock was paused", {_C: _DAILY, _S: _NOW, _H: _NOW}),
    _K.CASE_RESUMED: _rule("The clock runs again", {_C: _DAILY, _S: _NOW, _H: _DAILY}),
    _K.CASE_CLOSED: _rule("A case was closed", {_C: _NEVER, _S: _DAILY, _H: _DAILY}),
    _K.CASE_WITHDRAWN: _rule("A case was withdrawn", {_C: _DAILY, _S: _NOW, _H: _NOW}),
    _K.OFFERED: _rule("A case was offered to you", {_S: _NOW}, _S),
    _K.ASSIGNED: _rule("A case was assigned to you", {_S: _NOW}, _S),
    _K.ACCEPTED: _rule("A surgeon accepted a case", {_C: _DAILY}),
    _K.DECLINED: _rule("A surgeon declined a case", {_C: _NOW}),
    _K.OFFER_TIMED_OUT: _rule("An offer was not answered in time", {_C: _NOW, _S: _NOW}),
    _K.UNASSIGNED: _rule("A case was taken back from you", {_S: _NOW}),
    _K.DUE_SOON: _rule("An opinion is due soon", {_C: _DAILY, _S: _NOW}),
    _K.OVERDUE: _rule("An opinion is overdue", {_C: _NOW, _S: _NOW}, _S),
    _K.ESCALATED: _rule("A case was escalated", {_C: _NOW}, _C),
    _K.QUESTION_ASKED: _rule("A question was asked", {_C: _NOW, _S: _NOW, _H: _NOW}, _H),
    _K.QUESTION_ANSWERED: _rule("A question was answered", {_C: _NOW, _S: _NOW, _H: _NOW}),
    _K.IMAGING_REQUESTED: _rule("More imaging was asked for", {_C: _NOW, _H: _NOW}, _H),
    _K.VOTE_WANTED: _rule("Your vote is wanted", {_S: _NOW}, _S),
    _K.VOTES_OPEN: _rule("The votes are in and may be discussed", {_C: _DAILY, _S: _NOW}),
    _K.CONCLUSION_WANTED: _rule("Your conclusion is wanted", {_S: _NOW}, _S),
    _K.OPINION_PRELIMINARY: _rule("A preliminary opinion was issued", {_C: _DAILY, _H: _NOW}),
    _K.OPINION_ISSUED: _rule("An opinion was issued", {_C: _DAILY, _S: _DAILY, _H: _NOW}, _H),
    _K.OPINION_AMENDED: _rule("An opinion was amended", {_C: _NOW, _S: _NOW, _H: _NOW}, _H),
    _K.ADDENDUM: _rule("An addendum was issued", {_C: _DAILY, _S: _DAILY, _H: _NOW}, _H),
    _K.SHARE_OPENED: _rule("A shared opinion was opened", {_C: _NEVER, _H: _DAILY}),
    _K.CONSENT_WITHDRAWN: _rule("A consent was withdrawn", {_C: _NOW, _H: _NOW}, _C),
    _K.REASSESSMENT_DUE: _rule("A reassessment is due", {_C: _NOW, _S: _DAILY, _H: _NOW}),
    _K.ASSESSMENT_IN_PERSON: _rule("The patient is to be seen in person", {_C: _NOW, _H: _NOW}),
    _K.OUTCOME_WANTED: _rule("The outcome is asked for", {_C: _DAILY, _H: _NOW}),
    _K.DELIVERY_GIVEN_UP: _rule("A message could not be delivered", {_C: _NEVER}),
    _K.WEBHOOK_DISABLED: _rule("A webhook was switched off", {_C: _NOW}, _C, hospitals=True),
    _K.WEBHOOK_TEST: _rule("A test of a webhook", {}, hospitals=True),
    _K.MAIL_TEST: _rule("A test of the mail", {_C: _NOW, _S: _NOW, _H: _NOW}, _C, _S, _H),
}


def checked_facts(facts: Mapping[str, FactValue]) -> dict[str, str | int]:
    """The facts as they are kept: days as ISO texts. Raises FactNotPlain for anything that could hold
    what a person typed."""
    kept: dict[str, str | int] = {}
    for name, value in facts.items():
        wanted = _FACTS.get(name)
        if wanted is None or not isinstance(value, wanted) or isinstance(value, bool):
            raise FactNotPlain(f"{name} of this kind is no fact of a notice")
        if isinstance(value, str) and not _WORD.fullmatch(value):
            raise FactNotPlain(f"{name} is not a word of a fixed list")
        kept[name] = value.isoformat() if isinstance(value, date) else value
    return kept


def kinds_for(group: Group) -> list[NoticeKind]:
    """The kinds that a group is told of, in the order in which a case meets them."""
    return [kind for kind, rule in KINDS.items() if group in rule.usual and kind not in _TESTS]


_TESTS: Final = frozenset({_K.WEBHOOK_TEST, _K.MAIL_TEST})
HOSPITALS_KINDS: Final = tuple(
    kind for kind, rule in KINDS.items() if rule.hospitals_may_know and kind not in _TESTS
)


def choice_of(kind: NoticeKind, group: Group, chosen: Choice | None) -> Choice:
    """How mails of a kind reach somebody of this group, who chose so or did not choose."""
    rule = KINDS[kind]
    usual = rule.usual.get(group, Choice.NEVER)
    if chosen is None:
        return usual
    if chosen is Choice.NEVER and group in rule.must:
        return usual
    return chosen
