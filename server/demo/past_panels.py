"""Panels of the invented history: every second case of two organs was voted on by three surgeons, so
that the figures have something to say of how far reviewers agree.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from server.annotations import actions as forms
from server.annotations.organs import ORGANS
from server.annotations.queries import signed_revisions
from server.annotations.records import Revision
from server.cases.records import Case
from server.demo.panel import BY, INGRID, TOMAS, demo_person
from server.panel.deciding import majority
from server.panel.records import Panel, PanelVote
from server.people.records import Person

ORGANS_VOTED_ON: Final = ("pancreas", "liver")
SEED: Final = 47
# How often a member comes to the verdict of the one who was asked first: a disagreement in about half of
# the evaluations is what the liver expert panel reports (docs/panel.md).
SAME: Final = 0.75


def fill_past_panels(session: Session, cases: Sequence[Case]) -> int:
    """Let three vote on every second of these cases that is of such an organ; how many were."""
    chance = random.Random(SEED)  # noqa: S311 - nothing secret is drawn
    voted_on = [one for one in cases if one.organ in ORGANS_VOTED_ON][::2]
    for case in voted_on:
        _voted(session, case, signed_revisions(session, case.id)[-1], chance)
    return len(voted_on)


def _voted(session: Session, case: Case, last: Revision, chance: random.Random) -> None:
    signed_at = last.signed_at
    assert signed_at is not None
    others = [demo_person(session, one, case.opened_at) for one in (INGRID, TOMAS)]
    votes = [
        (person, _vote(session, case, person, last, chance, hours))
        for person, hours in zip(others, (2, 1), strict=True)
    ]
    found = [*(one.verdict for _, one in votes), last.verdict]
    panel = Panel(
        case_id=case.id,
        number=1,
        case_round=case.round,
        rule="majority-3-then-5",
        state="concluded",
        wanted=3,
        convened_at=case.opened_at,
        convened_by=BY,
        opened_at=signed_at,
        concluded_at=signed_at,
        majority=majority(found),
        verdict=last.verdict,
        conclusion="Invented, for the figures of the demo.",
    )
    session.add(panel)
    session.flush()
    holder = last.annotation.reviewer_id
    for person_id, one in [*((person.id, one) for person, one in votes), (holder, last)]:
        assert one.signed_at is not None
        session.add(
            PanelVote(
                panel_id=panel.id,
                person_id=person_id,
                revision_id=one.id,
                verdict=one.verdict,
                cast_at=one.signed_at,
            )
        )
    session.flush()


def _vote(
    session: Session,
    case: Case,
    person: Person,
    last: Revision,
    chance: random.Random,
    hours_before: int,
) -> Revision:
    """An example of the organ's form, signed some hours before the last one."""
    examples = ORGANS[case.organ].examples()
    whole = [one for _, one in sorted(examples.items()) if not ORGANS[case.organ].to_sign(one)]
    answers = dict(last.answers) if chance.random() < SAME else chance.choice(whole)
    assert last.signed_at is not None
    return signed_form(
        session, case, person, answers, last.signed_at - timedelta(hours=hours_before)
    )


def signed_form(
    session: Session, case: Case, surgeon: Person, answers: dict[str, Any], at: datetime
) -> Revision:
    """The case's form with these answers, signed by the surgeon."""
    draft = forms.draft_of(
        session, case.id, case.organ, reviewer_id=surgeon.id, reviewer_name=surgeon.name
    )
    saved = forms.save(session, draft, answers, seen_version=draft.version, now=at)
    return forms.sign(
        session,
        saved,
        seen_version=saved.version,
        restated_verdict=str(answers["verdict"]),
        signed_by=surgeon.name,
        now=at,
    )
