"""What became of the patient: entered in two minutes by the coordinator or the hospital, corrected with
its history, and beside it what the two verdicts come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Holder
from server.annotations.fields import answer_at
from server.annotations.organs import ORGANS
from server.annotations.queries import signed_revisions
from server.cases.lifecycle import State
from server.cases.local_category import (
    LOCAL_CATEGORIES,
    local_category_entries,
    state_local_category,
)
from server.cases.verdict_change import CHANGE_LABELS, verdict_change
from server.foundation.errors import FieldProblem, Invalid, MarginError
from server.outcomes import value_sets
from server.outcomes.actions import (
    EnteredAs,
    OutcomeChangedMeanwhile,
    choose_findings,
    enter_outcome,
)
from server.outcomes.entered import CODED, NAMES, read
from server.outcomes.queries import (
    Correction,
    Value,
    corrections,
    finding_entries,
    first_asked_on,
    outcome_entries,
    outcome_of,
)
from server.outcomes.records import OutcomeEntry
from server.outcomes.suggested import suggested_findings
from server.web.languages import said, said_each, say
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.typed_forms import errors_of, typed_fields
from server.web.visit import Visit

ANSWERED = frozenset({State.OPINED, State.CLOSED, State.REASSESSMENT})
LABELS: dict[str, str] = {
    "course": "Course",
    "operated_on": "Operated on",
    "place": "Where",
    "place_name": "Name of the place",
    "operation": "Operation",
    "resection_margin": "Resection margin",
    "complication_grade": "Worst complication",
    "converted": "Converted",
    "conversion_therapy": "After",
    "not_operated_reason": "Why not",
    "vital_status": "The patient is",
    "vital_on": "As of",
    "flr_after_ml": "Remnant after resection, mL",
    "flr_method": "Measured by",
    "flr_measured_on": "Measured on",
    "next_update_on": "Next update due",
    "note": "Note",
}


@dataclass(frozen=True)
class Entered:
    """One entry with what it changed, for the history."""

    entry: OutcomeEntry
    changes: list[Correction]


def outcome_page(visit: Visit) -> Response:
    """The outcome as it stands, the form, and the history."""
    return show_outcome(visit)


def show_outcome(visit: Visit, refused: MarginError | None = None, at: str = "") -> Response:
    """The page; `refused` brings its problems to the fields of the form `at`."""
    return page(visit, "outcome.html", refused=refused, **outcome_facts(visit, refused, at))


def outcome_facts(visit: Visit, refused: MarginError | None = None, at: str = "") -> dict[str, Any]:
    """What `afterwards_outcome.html` needs, for whichever page includes it."""
    entries = outcome_entries(visit.session, visit.case.id)
    before = [None, *entries][: len(entries)]
    return {
        "case": visit.case,
        "base": base_of(visit),
        "outcome": outcome_of(entries),
        "entered": [
            Entered(entry, corrections(was, entry))
            for was, entry in zip(before, entries, strict=True)
        ],
        "sets": value_sets,
        "operations": value_sets.operations(visit.case.organ),
        "labels": said_each(LABELS),
        "words": lambda name, value: words(name, value, visit.case.organ),
        "may_enter": visit.may(Action.OUTCOME_ENTER),
        "answered": State(visit.case.state) in ANSWERED,
        "asks_flr": visit.case.organ in ("liver", "perihilar"),
        "judged": judged_of(visit) if visit.may(Action.OUTCOME_JUDGE) else None,
        "predicted_ml": _predicted_ml(visit) if visit.may(Action.OUTCOME_ENTER) else None,
        "errors": errors_of(refused),
        "typed": typed_fields() if refused else {},
        "ticked": request.form.getlist("findings") if refused else None,
        "at": at,
    }


# What is said of an outcome where there is room for a few lines only.
IN_SHORT = (
    "operated_on",
    "operation",
    "resection_margin",
    "complication_grade",
    "not_operated_reason",
    "converted",
    "vital_status",
    "vital_on",
)
TONES = {"operated": "good", "not_operated": "idle"}


@dataclass(frozen=True)
class InShort:
    """An outcome in a few lines; `course` is empty where nobody entered one. `asked_on` is when the
    first is asked for, where that is still to come."""

    course: str
    tone: str
    lines: list[tuple[str, str]]
    next_update_on: date | None
    is_late: bool
    entered_at: datetime | None
    entered_as: str
    corrections: int
    asked_on: date | None
    may_enter: bool


def outcome_in_short(visit: Visit) -> InShort | None:
    """The outcome as it stands, for pages beside its own; None for whoever sees no outcome."""
    if not visit.may(Action.OUTCOME_READ):
        return None
    entries = outcome_entries(visit.session, visit.case.id)
    outcome = outcome_of(entries)
    next_on, organ = outcome.next_update_on, visit.case.organ
    return InShort(
        course=words("course", outcome.course, organ) if outcome.course else "",
        tone=TONES.get(outcome.course, "warn"),
        lines=[
            (said(LABELS[name]), words(name, getattr(outcome, name), organ))
            for name in IN_SHORT
            if getattr(outcome, name)
        ],
        next_update_on=next_on,
        is_late=next_on is not None and next_on < visit.now.date(),
        entered_at=entries[-1].entered_at if entries else None,
        entered_as=entries[-1].entered_as if entries else "",
        corrections=max(0, len(entries) - 1),
        asked_on=None if entries else first_asked_on(visit.session, visit.case, visit.now.date()),
        may_enter=visit.may(Action.OUTCOME_ENTER),
    )


def words(name: str, value: Value, organ: str) -> str:
    """A value of the outcome as it is read: codes in words, days as 2026-11-20."""
    if value is None or value == "":
        return said("nothing")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.0f} mL"
    sets = {**CODED, "operation": value_sets.operations(organ)}
    return said(sets[name][value]) if value in sets.get(name, {}) else value


@dataclass(frozen=True)
class Judged:
    """Both verdicts, what they come to, and the kinds of finding: for the coordinator only."""

    category: str
    categories: dict[str, str]
    verdict: str
    verdict_words: str
    change: str
    findings: list[str]
    findings_number: int
    set_by: str
    suggested: tuple[str, ...]


def judged_of(visit: Visit) -> Judged:
    """Both verdicts as they stand."""
    session, case = visit.session, visit.case
    stated = local_category_entries(session, case.id)
    category = stated[-1].category if stated else "not_stated"
    signed = signed_revisions(session, case.id) if State(case.state) in ANSWERED else []
    verdict = signed[-1].verdict if signed else ""
    chosen = finding_entries(session, case.id)
    suggested = suggested_findings(category, verdict)
    return Judged(
        category=category,
        categories=LOCAL_CATEGORIES,
        verdict=verdict,
        verdict_words=ORGANS[case.organ].verdict_label(verdict) if verdict else "",
        change=CHANGE_LABELS[verdict_change(category, verdict, case.organ)] if verdict else "",
        findings=chosen[-1].categories if chosen else list(suggested),
        findings_number=len(chosen),
        set_by=chosen[-1].set_by if chosen else "",
        suggested=suggested,
    )


def _predicted_ml(visit: Visit) -> float | None:
    """The remnant that the signed opinion foresaw, in mL; nothing while no opinion is out."""
    if State(visit.case.state) not in ANSWERED:
        return None
    for revision in reversed(signed_revisions(visit.session, visit.case.id)):
        value = answer_at(revision.answers, ("flr_ml",))
        if isinstance(value, int | float):
            return float(value)
    return None


def enter(visit: Visit) -> Response:
    """Keep an outcome."""
    typed = typed_fields()
    outcome, unread = read({name: typed.get(name, "") for name in NAMES}, visit.case.organ)
    try:
        if unread:
            raise Invalid("The outcome was not kept.", unread)  # noqa: TRY301
        entry = enter_outcome(
            visit.session,
            visit.case,
            outcome,
            seen_number=_seen(typed),
            by=visit.actor.text,
            entered_as=_entered_as(visit),
            now=visit.now,
        )
    except (Invalid, OutcomeChangedMeanwhile) as error:
        return show_outcome(visit, error, "outcome")
    visit.note(entry=entry.number, course=entry.course)
    done = (
        say("The outcome is kept.")
        if entry.number == 1
        else say("The correction is kept; what was, stays.")
    )
    return go(f"{base_of(visit)}/outcome", done)


def judge(visit: Visit) -> Response:
    """Keep what the local verdict comes to, and what kinds of finding the opinion was."""
    typed = typed_fields()
    try:
        with visit.attempt():
            state_local_category(
                visit.session,
                visit.case,
                typed.get("local_category", ""),
                by=visit.actor.text,
                now=visit.now,
            )
            if "findings_asked" in typed:
                choose_findings(
                    visit.session,
                    visit.case,
                    request.form.getlist("findings"),
                    seen_number=_seen(typed),
                    by=visit.actor.text,
                    now=visit.now,
                )
    except (Invalid, OutcomeChangedMeanwhile) as error:
        return show_outcome(visit, error, "judge")
    visit.note(local_category=typed["local_category"])
    return go(f"{base_of(visit)}/outcome#judged", "The verdicts are kept.")


def _entered_as(visit: Visit) -> EnteredAs:
    return "hospital" if isinstance(visit.actor, Holder) else "coordinator"


def _seen(typed: dict[str, str]) -> int:
    """Raises Invalid."""
    seen = typed.get("seen", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) <= 6):
        problem = FieldProblem("/general", "Reload the page and enter it again.")
        raise Invalid("This form is not from Margin's page.", [problem])
    return int(seen)


def both(path: str) -> tuple[str, str]:
    """An address for accounts and for visits by link."""
    return f"/cases/<number>{path}", f"/r/<launch>{path}"


ROUTES = [
    *(Route(url, outcome_page, Action.OUTCOME_READ) for url in both("/outcome")),
    *(Route(url, enter, Action.OUTCOME_ENTER, ("POST",)) for url in both("/outcome")),
    Route("/cases/<number>/outcome/verdicts", judge, Action.OUTCOME_JUDGE, ("POST",)),
]
