"""One table: person x action x case, over two of everything."""

from __future__ import annotations

import pytest

from server.access.action import Action, Permit
from server.access.permissions import (
    BY_PERMIT,
    BY_ROLE,
    OPEN_TO_ALL,
    Account,
    Actor,
    Allowed,
    CaseFacts,
    Denied,
    Holder,
    Nobody,
    may,
)

INSIDE, OUTSIDE = CaseFacts("case-1", "hospital-1"), CaseFacts("case-2", "hospital-2")
COORDINATOR = Account("p1", "Clara", "coordinator", frozenset({"hospital-1"}))
SURGEON = Account("p2", "Lena", "surgeon", None, frozenset({"case-1"}))
ADMIN = Account("p3", "Ada", "admin")
AUDITOR = Account("p4", "Ute", "auditor")
GUARDED = sorted(set(Action) - OPEN_TO_ALL)


def holder(*permits: Permit, case_id: str | None = "case-1") -> Holder:
    return Holder("g1", "somebody", case_id, frozenset(permits))


@pytest.mark.parametrize("action", GUARDED)
@pytest.mark.parametrize(
    "actor",
    [COORDINATOR, SURGEON, holder(*Permit), holder(Permit.DOWNLOAD), holder(case_id=None)],
    ids=["coordinator", "surgeon", "holder of every permit", "of one permit", "of the archive"],
)
def test_an_outsider_may_do_nothing_with_a_case_and_does_not_learn_that_it_exists(
    actor: Actor, action: Action
) -> None:
    answer = may(actor, action, OUTSIDE)
    assert isinstance(answer, Denied)
    assert answer.hides


@pytest.mark.parametrize("action", GUARDED)
def test_nobody_may_do_anything_guarded(action: Action) -> None:
    assert isinstance(may(Nobody(), action, INSIDE), Denied)


@pytest.mark.parametrize("action", sorted(OPEN_TO_ALL))
def test_the_open_doors_are_open_to_everybody(action: Action) -> None:
    for actor in (Nobody(), COORDINATOR, SURGEON, ADMIN, AUDITOR, holder()):
        assert isinstance(may(actor, action, None), Allowed)


@pytest.mark.parametrize("action", GUARDED)
@pytest.mark.parametrize("actor", [COORDINATOR, SURGEON, ADMIN], ids=lambda a: a.role)
def test_an_account_may_do_with_its_own_case_what_its_role_says(
    actor: Account, action: Action
) -> None:
    allowed = isinstance(may(actor, action, INSIDE), Allowed)
    assert allowed == (action in BY_ROLE[actor.role])


@pytest.mark.parametrize("action", GUARDED)
@pytest.mark.parametrize("permit", Permit)
def test_a_grant_permits_what_it_says_and_no_more(permit: Permit, action: Action) -> None:
    allowed = isinstance(may(holder(permit), action, INSIDE), Allowed)
    assert allowed == (action in BY_PERMIT[permit])


@pytest.mark.parametrize("action", GUARDED)
def test_the_archive_grant_reaches_images_only(action: Action) -> None:
    answer = may(holder(*Permit, case_id=None), action, None)
    assert isinstance(answer, Allowed) == (action in (Action.IMAGES_READ, Action.IMAGES_WRITE))


@pytest.mark.parametrize(
    "action", [Action.ANNOTATION_WRITE, Action.ANNOTATION_SIGN, Action.IMAGES_WRITE]
)
def test_no_coordinator_and_no_administrator_writes_or_signs_an_opinion(action: Action) -> None:
    assert isinstance(may(COORDINATOR, action, INSIDE), Denied)
    assert isinstance(may(ADMIN, action, INSIDE), Denied)


@pytest.mark.parametrize("action", GUARDED)
def test_a_hospital_never_sees_or_writes_annotations(action: Action) -> None:
    hospital = holder(Permit.UPLOAD, Permit.DOWNLOAD)
    if action.value.startswith(
        ("annotation", "grant", "case.assign", "images.read", "images.write", "rules")
    ):
        assert isinstance(may(hospital, action, INSIDE), Denied)


@pytest.mark.parametrize("action", GUARDED)
def test_an_auditor_reads_the_trail_and_nothing_else(action: Action) -> None:
    allowed = isinstance(may(AUDITOR, action, None), Allowed)
    assert allowed == (action in (Action.AUDIT_READ, Action.SIGN_OUT))


@pytest.mark.parametrize("actor", [COORDINATOR, SURGEON, ADMIN], ids=lambda a: a.role)
def test_criteria_are_for_whoever_reviews_or_coordinates_with_a_case_or_without(
    actor: Account,
) -> None:
    assert isinstance(may(actor, Action.RULES_EVALUATE, None), Allowed)
    assert isinstance(may(actor, Action.RULES_EVALUATE, INSIDE), Allowed)


@pytest.mark.parametrize("permit", Permit)
def test_a_grant_reaches_criteria_if_it_may_annotate_or_view(permit: Permit) -> None:
    allowed = isinstance(may(holder(permit), Action.RULES_EVALUATE, INSIDE), Allowed)
    assert allowed == (permit in (Permit.ANNOTATE, Permit.VIEW))


@pytest.mark.parametrize("action", GUARDED)
@pytest.mark.parametrize("draws", [Permit.ANNOTATE, Permit.SIGN])
def test_of_a_grant_that_draws_and_sends_only_the_sending_is_lost(
    draws: Permit, action: Action
) -> None:
    both = isinstance(may(holder(draws, Permit.UPLOAD, Permit.VIEW), action, INSIDE), Allowed)
    assert both == isinstance(may(holder(draws, Permit.VIEW), action, INSIDE), Allowed)
