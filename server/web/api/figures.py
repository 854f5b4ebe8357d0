"""What all cases together say: the dashboard's figures as tables."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.figures.filters import read_filters
from server.figures.queries import standing
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import AT, Day, Href, Id, Line, Moment, Word
from server.web.api.fitting import RequestRefused
from server.web.api.scope import hospitals_of
from server.web.pages.figures import NAMES, TableUnknown, table_of
from server.web.visit import Visit

TAG = "Figures"


class FigureKnown(Given):
    """A figure that can be asked for."""

    href: Href
    id: Word


class Figures(Given):
    """The figures that there are, and when they were last counted."""

    figures: list[FigureKnown]
    up_to: Annotated[Moment | None, Meta(description="When they last were as the records are.")]
    behind: Annotated[bool, Meta(description="Whether something happened since.")]


class FigureRead(Given):
    """A figure as a table. A cell is null where too few cases stand behind it."""

    id: Word
    title: Line
    header: list[str]
    rows: list[list[str | int | float | None]]


class FigureFilters(Sent):
    """Of which cases. What is left out is not asked."""

    cancer: Word | None = None
    centre: Annotated[str, Meta(max_length=200)] | None = None
    reviewer: Id | None = None
    hospital: Id | None = None
    since: Annotated[
        Day | None, Meta(description="First opinions signed on this day or later.")
    ] = None
    until: Day | None = None


def list_figures(visit: Visit) -> Figures:
    """Which figures there are."""
    now = standing(visit.session)
    return Figures(
        figures=[FigureKnown(href=f"{BASE}/figures/{name}", id=name) for name in NAMES],
        up_to=now.caught_up_at,
        behind=now.behind,
    )


def read_figure(visit: Visit, figure: str, query: FigureFilters) -> FigureRead:
    """One figure of the cases that the filters leave."""
    if figure not in NAMES:
        raise TableUnknown("There is no figure of this name.", remedy="Ask for the list.")
    asked = {
        name: str(value)
        for name in query.__struct_fields__
        if (value := getattr(query, name)) is not None
    }
    filters, problems = read_filters(asked, hospitals_of(visit))
    if problems:
        raise RequestRefused("The figure was not made.", problems)
    made = table_of(visit, figure, filters)
    return FigureRead(
        id=made.id,
        title=made.title,
        header=[str(one) for one in made.header],
        rows=[[one if one != "" else None for one in line] for line in made.lines],
    )


ENDPOINTS = (
    Endpoint(
        "GET", "/figures", list_figures, Action.FIGURES_READ, TAG, "Which figures there are",
        Figures,
        Figures(
            figures=[FigureKnown(href=f"{BASE}/figures/reversals", id="reversals")],
            up_to=AT, behind=False,
        ),
    ),
    Endpoint(
        "GET", "/figures/<figure>", read_figure, Action.FIGURES_READ, TAG, "One figure as a table",
        FigureRead,
        FigureRead(
            id="reversals", title="Verdicts changed", header=["Cancer", "Changed", "Of", "Per cent"],
            rows=[["Pancreas", 12, 31, 38.7]],
        ),
        query=FigureFilters,
    ),
)  # fmt: skip
