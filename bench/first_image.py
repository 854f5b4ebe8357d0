"""Time to the first image in OHIF over a surgeon's line, by pixels: Margin, and stock OHIF on Orthanc.

python -m bench.first_image [--slices 450] [--rounds 3] [--mbit 20 --round-trip-ms 150 --slow-start]

A surgeon's viewer on a case with four prepared series of CT, in headless Chromium with WebGL in
software, through `margin up --proxy`. The time runs from entering the viewer's address until the browser
shows a frame with a picture in the viewport; every frame it shows is looked at. "First visit" is a browser
that was never here, "second visit" the same browser again, with its cache. The line is a proxy of our own
(`bench.shaped_line`) between browser and server. The other side is the same build of OHIF, served by
nginx on an origin whose /dicom-web is the same Orthanc's own, over a line of the same kind. A further
first visit of Margin's begins with some seconds on the case's page, where a surgeon reads the question.

The viewer's floor is measured in the same browser and run: a study of three slices, on loopback, second
visit, from Orthanc by the stock viewer; and, for comparison, by ours. Rounds alternate. Prints medians and
writes bench/results/first_image.json, and the frame that ended the time of either side beside it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urlsplit

import click
from playwright.sync_api import BrowserContext, Playwright, sync_playwright

from bench.direct import nginx_program, viewer_before_orthanc
from bench.figures import (
    MARGIN,
    ORTHANC,
    RESULTS,
    Figures,
    Kind,
    as_program,
    at_most,
    console,
    ratio_at_most,
)
from bench.lines import Line, line_options, line_to, new_port, trusted_by_key
from bench.sides import alternate
from bench.studies import Study, new_study
from bench.visits import Place, Visit, new_browser, visit
from bench.worlds import Margin, running_margin, stopped_like_ctrl_c

SERIES = 4
FLOOR_SLICES = 3
VISITS = ("first visit", "second visit")
READ_FIRST = "first visit after 8 s on the case's page"
READING_MS = 8000
BEYOND = "second visit, less the floor"
BARS = {
    f"{BEYOND}: first image": at_most(1.0),
    f"{BEYOND}: against Orthanc": ratio_at_most(0.25),
}


@dataclass
class Sides:
    """Where the study of either side is opened over the line, also by who reads the case before, and
    where three slices on loopback."""

    over_the_line: dict[str, Place] = field(default_factory=dict)
    read_first: dict[str, Place] = field(default_factory=dict)
    floors: dict[str, Place] = field(default_factory=dict)


def surgeons_viewer(study: Study, query: str = "", port: int = 0, reading_ms: int = 0) -> Place:
    """What a surgeon's link leads to, at another port if one is given. The link is opened and the case
    read for `reading_ms`, the viewer not yet entered; `query` is added to the viewer's address."""

    def enter(context: BrowserContext) -> str:
        page = context.new_page()
        page.goto(_at(study.link, port))
        button = page.get_by_role("link", name="Open images and form")
        address: str = button.evaluate("link => link.href")
        page.wait_for_timeout(reading_ms)
        page.close()
        return f"{address}&{query}" if query else address

    return Place(MARGIN, enter)


def _at(address: str, port: int) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=f"{parts.hostname}:{port or parts.port}").geturl()


def stock_viewer(port: int, study: Study) -> Place:
    address = f"http://127.0.0.1:{port}/basic?StudyInstanceUIDs={study.StudyInstanceUID}"
    return Place(ORTHANC, lambda _context: address)


@contextlib.contextmanager
def far_margin(line: Line) -> Iterator[Margin]:
    """A whole server behind its proxy, whose public address is at the other end of the line."""
    begins = new_port()
    more = {"MARGIN_PUBLIC_URL": f"https://127.0.0.1:{begins}"} if line.mbit_per_s else {}
    with contextlib.ExitStack() as stack:
        with socket.socket() as held:
            # Or the server might choose the same port for itself.
            held.bind(("127.0.0.1", begins))
            margin = stack.enter_context(running_margin(MARGIN_PROXY="true", **more))
        stack.enter_context(line_to(margin.settings.port, line, begins))
        yield margin


@contextlib.contextmanager
def sides_of(margin: Margin, study: Study, small: Study, line: Line) -> Iterator[Sides]:
    """What can be measured here: without nginx for Orthanc there is only Margin."""
    found = Sides()
    found.over_the_line[MARGIN] = surgeons_viewer(study)
    found.read_first[MARGIN] = surgeons_viewer(study, reading_ms=READING_MS)
    found.floors[MARGIN] = surgeons_viewer(small, port=margin.settings.port)
    nginx = nginx_program()
    if nginx is None:
        console().print("nginx is not installed: Orthanc is not measured.")
        yield found
        return
    with viewer_before_orthanc(nginx, margin.settings) as origin:
        port = urlsplit(origin).port or 80
        with line_to(port, line) as begins:
            found.over_the_line[ORTHANC] = stock_viewer(begins, study)
            found.floors[ORTHANC] = stock_viewer(port, small)
            yield found


def note(figures: Figures, which: str, side: str, found: Visit) -> None:
    figures.add(Kind(f"{which}: first image", "s"), side, found.seconds)
    figures.add(Kind(f"{which}: requests by then", ""), side, found.requests)
    figures.add(Kind(f"{which}: of these DICOMweb", ""), side, found.of_dicomweb)
    figures.add(Kind(f"{which}: received by then", "MB"), side, found.received_mb)


@dataclass
class Measuring:
    """Visits of both sides, and the floors beside them."""

    playwright: Playwright
    margin: Margin
    sides: Sides
    figures: Figures = field(default_factory=Figures)
    floors: dict[str, list[float]] = field(default_factory=dict)

    def one_round(self, place: Place, *, counts: bool) -> None:
        """Both visits over the line and the floor, in a browser that was never anywhere."""
        trusted = trusted_by_key(self.margin.settings.tls_certificate)
        with new_browser(self.playwright, trusted) as context:
            address = place.enter(context)
            for which in VISITS:
                found = visit(context, address, RESULTS / f"first_image-{place.name}.jpg")
                self.margin.wait_until_quiet()
                if counts:
                    note(self.figures, which, place.name, found)
            floor = self.sides.floors[place.name]
            address = floor.enter(context)
            shots = [visit(context, address, RESULTS / "floor.jpg") for _ in VISITS]
        if counts:
            self._read_first(place.name, trusted)
            self.floors.setdefault(place.name, []).append(shots[-1].seconds)

    def _read_first(self, side: str, trusted: str) -> None:
        place = self.sides.read_first.get(side)
        if place is None:
            return
        with new_browser(self.playwright, trusted) as context:
            found = visit(context, place.enter(context), RESULTS / f"first_image-{side}.jpg")
            self.margin.wait_until_quiet()
        note(self.figures, READ_FIRST, side, found)

    def less_the_floor(self) -> None:
        """Adds the rows that have bars. The stock viewer's floor is taken from both sides."""
        floor = median(self.floors.get(ORTHANC) or self.floors[MARGIN])
        for side, runs in self.floors.items():
            for seconds in runs:
                self.figures.add(Kind("floor: three slices on loopback", "s"), side, seconds)
        kind = Kind(f"{VISITS[1]}: first image", "s")
        for side, runs in list(self.figures.runs[kind].items()):
            for seconds in runs:
                for name, bar in BARS.items():
                    self.figures.add(Kind(name, "s", bar), side, seconds - floor)


@click.command()
@click.option("--slices", default=450, show_default=True, help="Images in each of the four series.")
@click.option("--rounds", default=3, show_default=True)
@line_options
def main(
    slices: int, rounds: int, mbit: float, round_trip_ms: float, slow_start: bool
) -> bool | None:
    """Compare the time to the first image."""
    line = Line(mbit, round_trip_ms, slow_start)
    with (
        stopped_like_ctrl_c(),
        far_margin(line) as margin,
        sync_playwright() as playwright,
        sides_of(
            margin,
            new_study(margin, SERIES, slices),
            new_study(margin, 1, FLOOR_SLICES, name="floor"),
            line,
        ) as sides,
    ):
        measuring = Measuring(playwright, margin, sides)
        places = tuple(sides.over_the_line.values())
        for place in places:
            # Not counted: files and images come into the machine's memory for both alike.
            measuring.one_round(place, counts=False)
        alternate(places, rounds, lambda place: measuring.one_round(place, counts=True))
    measuring.less_the_floor()
    title = f"First image of {SERIES} x {slices} slices in OHIF, by pixels ({line})"
    facts = {"mbit": mbit, "round_trip_ms": round_trip_ms, "slow_start": slow_start}
    return measuring.figures.report(
        title, "first_image", **facts, slices=slices, rounds=rounds, floors=measuring.floors
    )


if __name__ == "__main__":
    as_program(main)
