"""Opening a case, and the page that shows everything about one."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from flask import Response

from server.access.action import Action, Permit
from server.access.door import Route
from server.access.queries import grants_of_case
from server.access.records import Grant
from server.annotations.organs import ORGANS
from server.cases import actions
from server.cases.clocks.tiers import default_tier
from server.cases.clocks.timekeeping import agree_tier
from server.cases.lifecycle import Event, State, possible
from server.cases.local_category import NOT_STATED, state_local_category
from server.cases.queries import holder
from server.cases.records import Case
from server.foundation.audit import AuditLine, newest
from server.foundation.errors import Invalid, MarginError
from server.intake.uploads.queries import missing_of_discs
from server.panel.queries import panel_of
from server.people.queries import hospital, people
from server.web import telling
from server.web.forms import AssignForm, CaseForm, GrantForm, choices, show_problems
from server.web.pages import case_facts, imaging_shown, questions_shown
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.pages.records_frame import glance
from server.web.pages.revisions import history
from server.web.pages.visits import surgeons_page
from server.web.pages.worklist import archive_status, coordinated, row_of
from server.web.taking_part import volumes_seen
from server.web.visit import Visit

AUDIT_LINES_SHOWN = 200
SURGEONS_PERMITS = [Permit.VIEW, Permit.ANNOTATE, Permit.SIGN, Permit.DOWNLOAD]
HOSPITALS_PERMITS = [Permit.UPLOAD, Permit.DOWNLOAD]
# The buttons a coordinator is offered, in this order, where the case's state allows them.
OFFERED = (
    Event.RECORDS_COMPLETE,
    Event.RESUME,
    Event.CLOSE,
    Event.RECORDS_WANTED,
    Event.SURGEON_WITHDRAWN,
    Event.HOLD,
    Event.WITHDRAW,
)


def case_page(visit: Visit) -> Response:
    if visit.account.role == "surgeon":
        return surgeons_page(visit)
    return show_case(visit)


def show_case(visit: Visit, refused: MarginError | None = None, **facts: Any) -> Response:
    """The coordinator's page of a case; `facts` are forms that came back, or a fresh link."""
    case, session = visit.case, visit.session
    held_by = holder(case)
    opinion = case_facts.opinion_of(session, case)
    studies = case_facts.studies_seen(session, case)
    shown: dict[str, Any] = {
        "case": case,
        "row": row_of(case, visit.today, panel_of(session, case)),
        "steps": case_facts.way(case),
        "events": [event for event in OFFERED if possible(State(case.state), event)],
        "can_assign": possible(State(case.state), Event.SURGEON_ASSIGNED),
        "assign_form": assign_form(visit, formdata=None),
        "studies": studies,
        "pending": case_facts.is_pending(studies, opinion),
        "volumes": volumes_seen(visit),
        "progress": case_facts.progress(visit, held_by.person_id if held_by else None),
        "opinion": opinion,
        "history": history(visit),
        "grants": (grants := grants_of_case(session, case.id)),
        "hospital_without_link": _wants_first_link(case, grants),
        "surgeon_without_link": _shut_out(case, grants, visit.now),
        "surgeon_grant": grant_form(visit, "surgeon", formdata=None),
        "hospital_grant": grant_form(visit, "hospital", formdata=None),
        "trail": _trail(visit),
        "questions": questions_shown.glance(visit),
        "archive": archive_status(visit),
        "glance": glance(visit),
        "imaging": imaging_shown.coordinators(visit),
        "phases": imaging_shown.PHASES,
        "waiver_form": None,
        "base": f"/cases/{case.number}",
        "link": None,
        "upload_to": f"/cases/{case.number}/files",
        "missing_of_discs": missing_of_discs(session, case.id),
    }
    return page(visit, "case.html", refused=refused, **{**shown, **facts})


def _wants_first_link(case: Case, grants: list[Grant]) -> bool:
    """Whether the hospital has still to send, and was never given a way in of its own."""
    awaited = case.state in (State.OPEN, State.AWAITING_RECORDS)
    return awaited and not any(Permit.UPLOAD in one.permits for one in grants)


def _shut_out(case: Case, grants: list[Grant], now: datetime) -> str:
    """The name of the surgeon who has the case and no way in: neither an account nor a link that works."""
    held_by = holder(case)
    if held_by is None or case.state not in (State.ASSIGNED, State.IN_REVIEW):
        return ""
    works = any(
        one.person_id == held_by.person_id and one.revoked_at is None and now < one.expires_at
        for one in grants
    )
    return "" if works or held_by.person.password_hash else held_by.person.name


def _trail(visit: Visit) -> list[tuple[AuditLine, int]]:
    """The case's newest audit lines; the same thing done several times running is one line."""
    lines = newest(visit.session, case_number=visit.case.number, limit=AUDIT_LINES_SHOWN)
    runs = groupby(lines, _said)
    together = [list(run) for _, run in runs]
    return [(run[0], len(run)) for run in together]


def _said(line: AuditLine) -> tuple[object, ...]:
    return (line.actor, line.action, line.object_, line.outcome, line.reason, line.details)


def assign_form(visit: Visit, **given: Any) -> AssignForm:
    """The form that asks a surgeon, with every active surgeon to choose from."""
    form = AssignForm(**given)
    form.person_id.choices = choices(_surgeons(visit), "Choose a surgeon")
    form.version.data = form.version.data or visit.case.version
    return form


def grant_form(visit: Visit, kind: str, **given: Any) -> GrantForm:
    """The form for a surgeon's or a hospital's link, filled in with what is usual."""
    held_by = holder(visit.case)
    permits = SURGEONS_PERMITS if kind == "surgeon" else HOSPITALS_PERMITS
    form = GrantForm(
        **given,
        permits=[permit.value for permit in permits],
        days=visit.services.settings.link_valid_days,
        for_whom=visit.case.hospital.name if kind == "hospital" else "",
        person_id=held_by.person_id if held_by else "",
    )
    form.person_id.choices = choices(_surgeons(visit), "Choose a surgeon")
    return form


def _surgeons(visit: Visit) -> list[tuple[str, str]]:
    return [
        (one.id, ", ".join(filter(None, (one.name, one.centre))))
        for one in people(visit.session, "surgeon")
        if one.active
    ]


def new_case(visit: Visit) -> Response:
    return page(visit, "case_new.html", form=_case_form(visit))


def open_case(visit: Visit) -> Response:
    """Open a case of a hospital that this coordinator looks after."""
    form = _case_form(visit)
    if not form.validate():
        return page(visit, "case_new.html", refused=FORM_REFUSED, form=form)
    try:
        with visit.attempt():
            case = actions.open_case(
                visit.session,
                organ=form.organ.data,
                hospital=hospital(visit.session, form.hospital_id.data),
                question=form.question.data or "",
                local_verdict=form.local_verdict.data or "",
                local_verdict_reason=form.local_verdict_reason.data or "",
                accession_number=form.accession_number.data or "",
                opened_by=visit.actor.text,
                now=visit.now,
            )
            agree_tier(visit.session, case, form.tier.data or default_tier(), visit.now)
            said = form.local_category.data or NOT_STATED
            state_local_category(visit.session, case, said, by=visit.actor.text, now=visit.now)
    except Invalid as error:
        show_problems(form, error)
        return page(visit, "case_new.html", refused=error, form=form)
    telling.opened(visit, case)
    visit.note(case_number=case.number)
    return go(
        f"/cases/{case.number}",
        f"Case {case.number} is open. Issue the hospital a link, or let it send by DICOM.",
    )


def _case_form(visit: Visit) -> CaseForm:
    form = CaseForm()
    organs = [(one.id, one.title) for one in ORGANS.values()]
    form.organ.choices = choices(organs, "Choose an organ")
    hospitals = [(one.id, one.name) for one in coordinated(visit)]
    form.hospital_id.choices = choices(hospitals, "Choose a hospital")
    return form


ROUTES = [
    Route("/cases/new", new_case, Action.CASE_OPEN),
    Route("/cases/new", open_case, Action.CASE_OPEN, ("POST",)),
    Route("/cases/<number>", case_page, Action.CASE_READ),
]
