"""The states of a case and what may happen in each. Pure, and all in one table."""

from __future__ import annotations

from enum import StrEnum

from server.foundation.errors import Conflict


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    AWAITING_RECORDS = "awaiting_records"
    READY = "ready"
    ASSIGNED = "assigned"
    IN_REVIEW = "in_review"
    OPINED = "opined"
    REASSESSMENT = "reassessment"
    CLOSED = "closed"
    ON_HOLD = "on_hold"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What can happen to a case."""

    STUDY_ATTACHED = "study_attached"
    RECORDS_COMPLETE = "records_complete"
    RECORDS_WANTED = "records_wanted"
    SURGEON_ASSIGNED = "surgeon_assigned"
    SURGEON_JOINED = "surgeon_joined"
    ASKING_CHANGED = "asking_changed"
    SURGEON_WITHDRAWN = "surgeon_withdrawn"
    REVIEW_BEGUN = "review_begun"
    OPINION_SIGNED = "opinion_signed"
    REASSESSMENT_PLANNED = "reassessment_planned"
    REASSESSMENT_CANCELLED = "reassessment_cancelled"
    ROUND_BEGUN = "round_begun"
    ROUND_GIVEN_UP = "round_given_up"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    HOLD = "hold"
    RESUME = "resume"


class EventNotPossible(Conflict):
    """The case is not in a state in which this can happen."""


S, E = State, Event
TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.OPEN, E.STUDY_ATTACHED): S.AWAITING_RECORDS,
    (S.AWAITING_RECORDS, E.STUDY_ATTACHED): S.AWAITING_RECORDS,
    (S.READY, E.STUDY_ATTACHED): S.READY,
    (S.ASSIGNED, E.STUDY_ATTACHED): S.ASSIGNED,
    (S.IN_REVIEW, E.STUDY_ATTACHED): S.IN_REVIEW,
    (S.ON_HOLD, E.STUDY_ATTACHED): S.ON_HOLD,
    (S.AWAITING_RECORDS, E.RECORDS_COMPLETE): S.READY,
    (S.READY, E.RECORDS_WANTED): S.AWAITING_RECORDS,
    (S.ASSIGNED, E.RECORDS_WANTED): S.AWAITING_RECORDS,
    (S.IN_REVIEW, E.RECORDS_WANTED): S.AWAITING_RECORDS,
    (S.READY, E.SURGEON_ASSIGNED): S.ASSIGNED,
    (S.ASSIGNED, E.SURGEON_ASSIGNED): S.ASSIGNED,
    (S.IN_REVIEW, E.SURGEON_ASSIGNED): S.ASSIGNED,
    # One more of several accepts; who else is asked changes nothing of where the case stands.
    (S.READY, E.SURGEON_JOINED): S.ASSIGNED,
    **{
        (state, E.SURGEON_JOINED): state
        for state in (S.AWAITING_RECORDS, S.ASSIGNED, S.IN_REVIEW, S.ON_HOLD)
    },
    **{
        (state, E.ASKING_CHANGED): state
        for state in (S.AWAITING_RECORDS, S.READY, S.ASSIGNED, S.IN_REVIEW, S.ON_HOLD)
    },
    (S.ASSIGNED, E.SURGEON_WITHDRAWN): S.READY,
    (S.IN_REVIEW, E.SURGEON_WITHDRAWN): S.READY,
    (S.ASSIGNED, E.REVIEW_BEGUN): S.IN_REVIEW,
    (S.IN_REVIEW, E.REVIEW_BEGUN): S.IN_REVIEW,
    (S.ASSIGNED, E.OPINION_SIGNED): S.OPINED,
    (S.IN_REVIEW, E.OPINION_SIGNED): S.OPINED,
    (S.OPINED, E.CLOSE): S.CLOSED,
    # The next time point of the same case, waited for or begun at once; while it is waited for, the
    # first new study begins it (`actions.attach_study`).
    (S.REASSESSMENT, E.STUDY_ATTACHED): S.AWAITING_RECORDS,
    (S.OPINED, E.REASSESSMENT_PLANNED): S.REASSESSMENT,
    (S.REASSESSMENT, E.REASSESSMENT_PLANNED): S.REASSESSMENT,
    (S.REASSESSMENT, E.REASSESSMENT_CANCELLED): S.OPINED,
    (S.OPINED, E.ROUND_BEGUN): S.AWAITING_RECORDS,
    (S.REASSESSMENT, E.ROUND_BEGUN): S.AWAITING_RECORDS,
    # Only in a round that follows an opinion (`actions.give_up_round`).
    (S.AWAITING_RECORDS, E.ROUND_GIVEN_UP): S.OPINED,
    (S.READY, E.ROUND_GIVEN_UP): S.OPINED,
    (S.REASSESSMENT, E.CLOSE): S.CLOSED,
    # Where it goes on is where it was held; a case of which that is not known awaits its records.
    (S.ON_HOLD, E.RESUME): S.AWAITING_RECORDS,
    **{
        (state, E.HOLD): S.ON_HOLD
        for state in (S.OPEN, S.AWAITING_RECORDS, S.READY, S.ASSIGNED, S.IN_REVIEW)
    },
    **{
        (state, E.WITHDRAW): S.WITHDRAWN
        for state in (S.OPEN, S.AWAITING_RECORDS, S.READY, S.ASSIGNED, S.IN_REVIEW, S.ON_HOLD)
    },
}

LABELS: dict[State, str] = {
    S.OPEN: "Open, nothing received",
    S.AWAITING_RECORDS: "Awaiting records",
    S.READY: "Ready to assign",
    S.ASSIGNED: "Assigned",
    S.IN_REVIEW: "In review",
    S.OPINED: "Opinion issued",
    S.REASSESSMENT: "Reassessment planned",
    S.CLOSED: "Closed",
    S.ON_HOLD: "On hold",
    S.WITHDRAWN: "Withdrawn",
}


_ROUND_ANSWERED = frozenset({S.OPINED, S.REASSESSMENT, S.CLOSED})


def round_awaited(state: State, case_round: int) -> int:
    """The round for which is meant what comes now: once the present one is answered, the next."""
    return case_round + (state in _ROUND_ANSWERED)


def possible(state: State, event: Event) -> bool:
    """Whether `event` can happen to a case in `state`."""
    return (state, event) in TRANSITIONS


def after(state: State, event: Event) -> State:
    """The state that follows; raises EventNotPossible."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise EventNotPossible(
            f"This cannot be done while the case is “{LABELS[state].lower()}”.",
            remedy="Reload the case: somebody may have changed it meanwhile.",
            state=state.value,
            event=event.value,
        ) from None
