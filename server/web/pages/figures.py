"""The dashboard: what all cases together say, each figure as a picture, a table and a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import Response, make_response, request
from markupsafe import Markup

from server.access.action import Action
from server.access.door import Route
from server.cases.clocks.stages import promised
from server.cases.clocks.tiers import default_tier, stage_targets, tier_named
from server.figures import tables
from server.figures.blocks import Rows
from server.figures.claims import CLAIM, Claim
from server.figures.filters import Filters, read_filters
from server.figures.queries import (
    MOST_PAIRS,
    Counts,
    counts,
    durations,
    offered,
    rows_of,
    standing,
    without_opinion,
)
from server.figures.reviewers import reviewer_agreement
from server.figures.shapes import AgreementTable, PairTable, ShareTable, SpreadTable
from server.figures.shares import Share, share
from server.figures.volumes_compared import agreement
from server.foundation.errors import NotFound
from server.outcomes.queries import updates_due
from server.web import charts
from server.web.forms import text_only
from server.web.pages.layout import page
from server.web.visit import Visit

Table = ShareTable | SpreadTable | PairTable | AgreementTable


class TableUnknown(NotFound):
    """There is no figure of this name."""


@dataclass(frozen=True)
class Drawn:
    """A figure on the page."""

    table: Table
    picture: Markup | None


def figures_page(visit: Visit) -> Response:
    """All figures of the cases that the filters leave."""
    filters, problems = _filters(visit)
    rows = rows_of(visit.session, filters)
    found = counts(rows)
    return page(
        visit,
        "figures.html",
        filters=filters,
        problems=problems,
        query=urlencode(filters.chosen),
        offered=offered(visit.session, filters.hospital_ids),
        opinions=found.opinions,
        waiting=without_opinion(visit.session, filters),
        drawn=[Drawn(one, _picture(one)) for one in _every_table(visit, filters, rows, found)],
        standing=standing(visit.session),
        updates=updates_due(visit.session, visit.now.date(), filters.hospital_ids),
        claim_words=CLAIM,
        may_export=visit.may(Action.RESEARCH_EXPORT),
    )


def figure_csv(visit: Visit, table: str) -> Response:
    """One figure's table as CSV (RFC 4180, UTF-8), of the same filters."""
    filters, _ = _filters(visit)
    if table not in NAMES:
        raise TableUnknown("There is no figure of this name.", remedy="Choose one from the page.")
    made = table_of(visit, table, filters)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(made.header)
    writer.writerows(made.lines)
    response = make_response(text.getvalue())
    response.mimetype = "text/csv"
    response.headers["Content-Disposition"] = f'attachment; filename="margin-{made.id}.csv"'
    return response


def table_of(visit: Visit, name: str, filters: Filters) -> Table:
    """One figure's table; `name` is one of NAMES."""
    if name == AGREEMENT:
        return tables.agreements(reviewer_agreement(visit.session, filters))
    rows = rows_of(visit.session, filters)
    return MADE[name](rows, counts(rows))


def _filters(visit: Visit) -> tuple[Filters, list[str]]:
    typed = {name: text_only(value) or "" for name, value in request.args.items()}
    filters, problems = read_filters(typed, visit.account.hospital_ids)
    return filters, [problem.message for problem in problems]


def _turnaround(rows: Rows, _found: Counts) -> Table:
    tier = tier_named(default_tier())
    return tables.turnaround(durations(rows), promised(tier, stage_targets()), tier)


def _volumes(rows: Rows, _found: Counts) -> Table:
    pairs = rows.pairs(MOST_PAIRS)
    return tables.volumes(pairs, agreement(pairs))


MADE: dict[str, Callable[[Rows, Counts], Table]] = {
    "reversals": lambda _rows, found: tables.reversals(found),
    "turnaround": _turnaround,
    "findings": lambda _rows, found: tables.findings(found),
    "inconclusive": lambda _rows, found: tables.inconclusive(found),
    "changes": lambda _rows, found: tables.changes(found),
    "outcomes": lambda _rows, found: tables.outcomes(found),
    "conversions": lambda _rows, found: tables.conversions(found),
    "volumes": _volumes,
}
AGREEMENT: Final = "agreement"
NAMES: Final = (*MADE, AGREEMENT)


def _every_table(visit: Visit, filters: Filters, rows: Rows, found: Counts) -> list[Table]:
    agrees = tables.agreements(reviewer_agreement(visit.session, filters))
    return [*(make(rows, found) for make in MADE.values()), agrees]


def _picture(table: Table) -> Markup | None:
    """The picture of a table; none where there is nothing to draw."""
    if table.empty:
        return None
    if isinstance(table, AgreementTable):
        bars = [_bar(one.label, share(one.unanimous, one.panels)) for one in table.rows]
        return charts.intervals(f"chart-{table.id}", "Panels of one mind", bars)
    if isinstance(table, ShareTable):
        bars = [_bar(row.label, row.share, row.claim) for row in table.rows]
        return charts.intervals(f"chart-{table.id}", table.title, bars)
    if isinstance(table, SpreadTable):
        rows = [
            charts.Box(
                row.label,
                f"n = {row.spread.of}",
                row.days[0],
                row.days[1] or 0.0,
                row.days[2] or 0.0,
                row.promised_days,
            )
            for row in table.rows
        ]
        return charts.boxes(f"chart-{table.id}", table.title, rows)
    agrees = table.agreement
    return charts.scatter(
        f"chart-{table.id}", table.title, table.pairs, agrees.bias_ml, agrees.limits_ml
    )


def _bar(label: str, found: Share, claim: Claim | None = None) -> charts.Bar:
    return charts.Bar(
        label,
        found.counts,
        found.percent if found.shown else None,
        found.low_percent,
        found.high_percent,
        found.few,
        (claim.low_percent, claim.high_percent) if claim else None,
    )


ROUTES = [
    Route("/figures", figures_page, Action.FIGURES_READ),
    Route("/figures/<table>.csv", figure_csv, Action.FIGURES_READ),
]
