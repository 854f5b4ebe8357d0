"""Asking for a research export, and making it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.clocks.queries import calendars_of
from server.cases.records import Case
from server.dossier.checklist import checklists
from server.dossier.records import PatientConsent
from server.figures.anonymity import LEAST_K, MOST_K, USUAL_K
from server.figures.facts import CaseFacts
from server.figures.filters import read_filters
from server.figures.loading import facts_of
from server.figures.records import ResearchExport
from server.figures.research import Made, Query, Record, export_key, made, query_of_json, record_of
from server.figures.research_fhir import of_nobody
from server.foundation import jobs
from server.foundation.days import moment_typed
from server.foundation.errors import FieldProblem, Invalid, NotFound
from server.opinions.assessment import assessment_of
from server.opinions.fhir import fhir_bundle
from server.opinions.records import IssuedOpinion

EXPORT_RESEARCH: Final = "export_research"
AT_ONCE: Final = 500


class ExportNotFound(NotFound):
    """There is no such export, or its file is still being made."""


def read_query(typed: Mapping[str, str], now: datetime) -> Query:
    """The query that somebody typed; raises Invalid. An empty `as_of` is now, to the second."""
    filters, problems = read_filters(typed, None)
    if filters.cancer and filters.cancer not in checklists():
        problems.append(FieldProblem("/cancer", "Choose a kind of cancer from the list."))
    k = typed.get("k", "").strip() or str(USUAL_K)
    if not (k.isascii() and k.isdigit() and LEAST_K <= int(k[:9]) <= MOST_K):
        problems.append(FieldProblem("/k", f"Give a number from {LEAST_K} to {MOST_K}."))
    wanted = typed.get("as_of", "")
    as_of = moment_typed(wanted) if wanted.strip() else now.replace(microsecond=0)
    if as_of is None or as_of > now + timedelta(minutes=1):
        problems.append(FieldProblem("/as_of", "Write a past moment as 2026-11-20 08:30:00, UTC."))
    if problems or as_of is None:
        raise Invalid("No export was asked for.", problems)
    fhir = typed.get("fhir", "") == "yes"
    return Query(as_of, filters.cancer, filters.since, filters.until, int(k), fhir)


def request_export(session: Session, query: Query, *, by: str, now: datetime) -> ResearchExport:
    """Note the query and have its file made."""
    export = ResearchExport(query=query.to_json(), requested_by=by, requested_at=now)
    session.add(export)
    session.flush()
    jobs.enqueue(session, EXPORT_RESEARCH, {"export_id": export.id}, now=now)
    return export


def make_export(session: Session, query: Query, secret_key: str) -> Made:
    """The export of a query, from the records as they were known at its moment."""
    key = export_key(secret_key, query)
    revoked = _revoked(session)
    records, left_out = [], 0
    for facts, record in _records(session, query, key):
        if facts.case_id in revoked:
            left_out += 1
            continue
        if query.fhir and facts.opinion and facts.opinion.issued_id:
            issued = session.get_one(IssuedOpinion, facts.opinion.issued_id)
            bundle = fhir_bundle(assessment_of(session, issued))
            record.bundle = of_nobody(bundle, record.pseudonym)
        records.append(record)
    return made(records, query, left_out)


def note_made(session: Session, export_id: str, result: Made, sha256: str, now: datetime) -> None:
    """Keep what came of an export, whose file lies in the file store under `sha256`."""
    export = session.get_one(ResearchExport, export_id)
    export.state, export.sha256, export.content_sha256 = "ready", sha256, result.content_sha256
    export.size_bytes, export.case_count = len(result.content), result.case_count
    export.withheld_count, export.ready_at = result.withheld_count, now
    session.flush()


def export_named(session: Session, export_id: str) -> ResearchExport:
    """One export; raises ExportNotFound."""
    export = session.get(ResearchExport, export_id)
    if export is None:
        raise ExportNotFound("There is no such export.", remedy="Choose one from the list.")
    return export


def query_of(export: ResearchExport) -> Query:
    """What an export is of."""
    return query_of_json(export.query)


def _records(session: Session, query: Query, key: bytes) -> Iterator[tuple[CaseFacts, Record]]:
    """What the query asks for, whoever consented."""
    calendars = calendars_of(session)
    after = ""
    while True:
        ids = session.execute(
            select(Case.id, Case.number)
            .where(Case.number > after, Case.opened_at <= query.as_of)
            .order_by(Case.number)
            .limit(AT_ONCE)
        ).all()
        if not ids:
            return
        after = ids[-1].number
        for facts in facts_of(session, [one.id for one in ids], query.as_of):
            record = record_of(facts, query, key, calendars)
            if record is not None:
                yield facts, record


def _revoked(session: Session) -> frozenset[str]:
    """Cases whose patient took the consent back and gave no other since.

    As it is today, whatever moment is asked for: a consent taken back holds for every later export.
    """
    standing: dict[str, bool] = {}
    rows = session.execute(
        select(PatientConsent.case_id, PatientConsent.revoked_at).order_by(
            PatientConsent.recorded_at
        )
    )
    for case_id, revoked_at in rows:
        standing[case_id] = revoked_at is None
    return frozenset(case_id for case_id, stands in standing.items() if not stands)
