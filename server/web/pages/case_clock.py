"""The clock of a case: what is promised, how it is counted, where the time went, and changing it."""

from __future__ import annotations

from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.cases.clocks import timekeeping
from server.cases.clocks.queries import (
    calendars_of,
    clock_of,
    pauses_of,
    plain_steps,
    reminders_of,
    steps_of,
)
from server.cases.clocks.reminders import KINDS
from server.cases.clocks.stages import LABELS, MEANINGS, sums, timeline
from server.cases.clocks.tiers import stage_targets, tiers
from server.cases.clocks.words import explained, plain_day, promise, standing_words
from server.cases.countries import countries_by_name, country_name
from server.cases.lifecycle import Event
from server.foundation.errors import Invalid, MarginError
from server.web.clock_forms import TierForm
from server.web.forms import choices, show_problems
from server.web.pages.case_places import base_of
from server.web.pages.clock_picture import picture_of
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.visit import Visit
from server.web.wording import EVENT_LABELS

STEP_WORDS = {
    **EVENT_LABELS,
    "opened": "Case opened",
    Event.STUDY_ATTACHED.value: "A study came",
    Event.RECORDS_COMPLETE.value: "The records were complete",
    Event.RECORDS_WANTED.value: "More records were wanted",
    Event.SURGEON_ASSIGNED.value: "A surgeon was asked",
    Event.SURGEON_WITHDRAWN.value: "The case was taken back",
    Event.REVIEW_BEGUN.value: "The review was begun",
    Event.OPINION_SIGNED.value: "The opinion was signed",
    Event.HOLD.value: "Put on hold",
    Event.RESUME.value: "Went on",
    Event.CLOSE.value: "Closed",
    Event.WITHDRAW.value: "Withdrawn",
    timekeeping.TIER_CHANGED: "The promise was changed",
}


def clock_page(visit: Visit) -> Response:
    return _page(visit, tier_form(visit, formdata=None))


def _page(visit: Visit, form: TierForm, refused: MarginError | None = None) -> Response:
    case, session = visit.case, visit.session
    clock = clock_of(session, case, visit.now)
    steps, pauses = steps_of(session, case.id), pauses_of(session, case.id)
    spans = timeline(case.opened_at, plain_steps(steps), pauses, visit.now)
    every_day = calendars_of(session).every_day
    shown: dict[str, Any] = {
        "clock": clock,
        "stands": standing_words(clock),
        "explained": explained(clock),
        "target": plain_day(clock.target_on) if clock.target_on else "",
        "limit": plain_day(clock.limit_on) if clock.limit_on else "",
        "picture": picture_of(spans, clock, visit.now),
        "sums": sums(spans, clock.calendar, every_day, clock.tier, stage_targets()),
        "stage_labels": LABELS,
        "stage_meanings": MEANINGS,
        "pauses": pauses,
        "steps": steps,
        "step_words": STEP_WORDS,
        "reminders": reminders_of(session, case.id),
        "reminder_words": KINDS,
        "tiers": tiers().values(),
        "promises": {one.id: promise(one) for one in tiers().values()},
        "form": form,
        "changeable": not timekeeping.is_over(case) and visit.may(Action.CLOCK_CHANGE),
    }
    return page(visit, "case_clock.html", refused=refused, case=case, base=base_of(visit), **shown)


def tier_form(visit: Visit, **given: Any) -> TierForm:
    """The form that changes what is promised."""
    case = visit.case
    form = TierForm(**{"tier": case.tier, "calendar": case.calendar, **given})
    form.tier.choices = choices((one.id, one.title) for one in tiers().values())
    hospital = country_name(case.hospital.country) or "no country"
    form.calendar.choices = choices(countries_by_name(), f"The hospital's ({hospital})")
    form.version.data = form.version.data or case.version
    return form


def change_tier(visit: Visit) -> Response:
    """Promise something else, saying why. Of two at once the first wins."""
    form = tier_form(visit)
    if not form.validate():
        return _page(visit, form, FORM_REFUSED)
    try:
        timekeeping.choose_tier(
            visit.session,
            visit.case,
            form.tier.data,
            calendar=form.calendar.data or "",
            reason=form.reason.data or "",
            seen_version=form.version.data or 0,
            by=visit.actor.text,
            now=visit.now,
        )
    except Invalid as error:
        show_problems(form, error)
        return _page(visit, form, error)
    visit.note(tier=form.tier.data, calendar=form.calendar.data or "", why=form.reason.data or "")
    return go(f"/cases/{visit.case.number}/clock", "The promise was changed.")


ROUTES = [
    Route("/cases/<number>/clock", clock_page, Action.CLOCK_READ),
    Route("/cases/<number>/clock", change_tier, Action.CLOCK_CHANGE, ("POST",)),
]
