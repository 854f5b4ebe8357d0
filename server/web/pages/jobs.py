"""Work in the background: what was given up and can be sent round again, and what is under way."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.foundation import jobs
from server.web.pages.layout import go, page
from server.web.visit import Visit


def show_jobs(visit: Visit) -> Response:
    return page(
        visit,
        "jobs.html",
        dead=jobs.dead(visit.session),
        under_way=jobs.under_way(visit.session),
        lately=jobs.lately_done(visit.session),
        most_attempts=jobs.ATTEMPTS,
        may_retry=visit.may(Action.JOBS_RETRY),
    )


def retry(visit: Visit, job_id: str) -> Response:
    """Give a job that was given up all its attempts back."""
    jobs.send_round_again(visit.session, job_id, visit.now)
    visit.note(job=job_id)
    return go("/jobs", "The job is tried again.")


ROUTES = [
    Route("/jobs", show_jobs, Action.JOBS_READ),
    Route("/jobs/<job_id>/retry", retry, Action.JOBS_RETRY, ("POST",)),
]
