"""The page of whoever came by a link: the surgeon, who reviews; the hospital, which sends."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Account
from server.cases.clocks.tiers import default_tier, tiers
from server.cases.clocks.words import promise
from server.cases.lifecycle import State
from server.cases.records import Case
from server.intake.queries import refused_for_case
from server.intake.uploads.queries import missing_of_discs
from server.people.queries import coordinators_of
from server.web import languages, shown
from server.web.pages import case_facts, imaging_shown, questions_shown
from server.web.pages.layout import go, page
from server.web.pages.offers import is_offered
from server.web.pages.records_frame import (
    consent_problem,
    documents_seen,
    glance,
    wanted_of,
)
from server.web.pages.revisions import history
from server.web.pages.worklist import archive_status, case_urgency
from server.web.panel_said import panel_json
from server.web.taking_part import own_id, part_in
from server.web.viewer import viewer_files
from server.web.visit import Visit
from server.web.wording import day

# When the question is answered or withdrawn nothing more is taken for it.
ANSWERED = frozenset({State.OPINED, State.CLOSED, State.WITHDRAWN})


def visit_page(visit: Visit) -> Response:
    """The case, as this visitor needs it."""
    actor = visit.actor
    if isinstance(actor, Account) and actor.role != "surgeon":
        return go(f"/cases/{visit.case.number}")
    # The hospital's page says whose case it is.
    if visit.pseudonymised or visit.may(Action.IMAGES_READ):
        return surgeons_page(visit)
    return _hospitals_page(visit)


def surgeons_page(visit: Visit) -> Response:
    """Question first, then the images and the form. Never a patient's name."""
    case, session, launch = visit.case, visit.session, visit.admission.launch
    base = f"/r/{launch.id}" if launch else f"/cases/{case.number}"
    studies = case_facts.studies_seen(session, case, own_id(visit))
    can_view = visit.may(Action.IMAGES_READ)
    return page(
        visit,
        "surgeon.html",
        case=case,
        asked=shown.asked(visit),
        base=base,
        can_view=can_view,
        viewer_files=viewer_files(visit.services.settings.viewer_dir)
        if can_view and studies
        else (),
        viewer=case_facts.viewer_address(launch.id, case, visit.view) if launch else None,
        urgency=case_urgency(case, visit.today),
        studies=[case_facts.without_names(one, visit.view) for one in studies]
        if visit.pseudonymised
        else studies,
        progress=case_facts.progress(visit, part_in(visit).reviewer_id),
        can_annotate=visit.may(Action.ANNOTATION_WRITE),
        offered=is_offered(visit),
        panel_said=panel_json(visit),
        history=history(visit),
        glance=glance(visit),
        document_words={one.document.id: one.words for one in documents_seen(visit) if one.facts},
        questions=questions_shown.glance(visit),
        imaging=imaging_shown.surgeons(visit),
        opinion=case_facts.opinion_of(session, case) if visit.may(Action.OPINION_READ) else None,
        archive=archive_status(visit),
    )


def _hospitals_page(visit: Visit) -> Response:
    case, session, settings = visit.case, visit.session, visit.services.settings
    can_send = visit.may(Action.IMAGES_SEND) and State(case.state) not in ANSWERED
    return page(
        visit,
        "hospital.html",
        case=case,
        base=f"/r/{visit.launch.id}",
        steps=case_facts.way(case),
        next_up=what_happens_next(case, can_send=can_send),
        studies=case_facts.studies_seen(session, case),
        refused_studies=refused_for_case(session, case.id),
        imaging=imaging_shown.hospitals(visit, languages.spoken()),
        questions=questions_shown.glance(visit),
        opinion=case_facts.opinion_of(session, case) if visit.may(Action.OPINION_READ) else None,
        can_send=can_send,
        contacts=coordinators_of(session, case.hospital_id),
        wanted=wanted_of(visit),
        consent_problem=consent_problem(visit),
        may_fill_records=visit.may(Action.RECORDS_FILL),
        may_read_documents=visit.may(Action.DOCUMENT_READ),
        upload_to=f"/r/{visit.launch.id}/files",
        dicom_aet=settings.dicom_aet,
        dicom_host=urlsplit(settings.public_url).hostname,
        dicom_port=settings.dicom_port,
        archive=archive_status(visit),
        missing_of_discs=missing_of_discs(session, case.id),
    )


def what_happens_next(case: Case, *, can_send: bool = True) -> str:
    """What the hospital should know of the next step, and by when it happens."""
    due = f"The opinion is due by {day(case.due_on)}."
    send = "Send the images and records below. " if can_send else ""
    promised = promise(tiers().get(case.tier) or tiers()[default_tier()])
    sentences = {
        State.OPEN: f"{send}The coordinator checks them and starts the clock; "
        f"the opinion follows {promised}, from complete records.",
        State.AWAITING_RECORDS: "The coordinator checks what was received. When nothing is missing "
        + (
            "the clock goes on."
            if case.due_on
            else f"the clock starts; the opinion follows {promised}."
        ),
        State.READY: f"The records are complete. The coordinator is choosing a surgeon. {due}",
        State.ASSIGNED: f"A surgeon was asked to review the case. {due}",
        State.IN_REVIEW: f"A surgeon is reviewing the images. {due}",
        State.OPINED: "The opinion is signed.",
        State.REASSESSMENT: "The opinion is signed, and a reassessment is planned: new images "
        "that you send begin the next round of this case.",
        State.CLOSED: "The opinion is signed and the case is closed.",
        State.ON_HOLD: f"The case is on hold: {case.held_reason or 'ask the coordinator why'}",
        State.WITHDRAWN: "The case was withdrawn. Nothing more will happen.",
    }
    return sentences[State(case.state)]


ROUTES = [Route("/r/<launch>/", visit_page, Action.CASE_READ)]
