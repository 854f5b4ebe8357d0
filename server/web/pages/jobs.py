"""Work in the background: what was given up and can be sent round again, and what is under way."""

from __future__ import annotations

from flask import Response
from sqlalchemy import select

from server.access.door import Route
from server.access.permissions import Action
from server.foundation.errors import NotFound
from server.foundation.jobs import ATTEMPTS, Job, dead, send_round_again
from server.web.pages.layout import go, page
from server.web.visit import Visit

LATELY_SHOWN = 30


class JobNotFound(NotFound):
    """There is no such piece of work."""


def show_jobs(visit: Visit) -> Response:
    session = visit.session
    under_way = (
        select(Job).where(Job.state.in_(("running", "waiting"))).order_by(Job.run_at).limit(200)
    )
    lately = (
        select(Job).where(Job.state == "done").order_by(Job.finished_at.desc()).limit(LATELY_SHOWN)
    )
    return page(
        visit,
        "jobs.html",
        dead=dead(session),
        under_way=list(session.scalars(under_way)),
        lately=list(session.scalars(lately)),
        most_attempts=ATTEMPTS,
        may_retry=visit.may(Action.JOBS_RETRY),
    )


def retry(visit: Visit, job_id: str) -> Response:
    """Give a job that was given up all its attempts back."""
    if visit.session.get(Job, job_id) is None:
        raise JobNotFound("There is no such job.", remedy="Look at the list of jobs.")
    send_round_again(visit.session, job_id, visit.now)
    visit.note(job=job_id)
    return go("/jobs", "The job is tried again.")


ROUTES = [
    Route("/jobs", show_jobs, Action.JOBS_READ),
    Route("/jobs/<job_id>/retry", retry, Action.JOBS_RETRY, ("POST",)),
]
