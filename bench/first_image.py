"""Time to the first image in OHIF, by pixels: through Margin, and before Orthanc asked directly.

python -m bench.first_image [--slices 450] [--rounds 3] [--mbit 20 --latency-ms 150]

A surgeon's viewer on a case with four series of CT, in headless Chromium with WebGL in software.
The time runs from entering the viewer's address until the browser shows a frame with a picture in the
viewport; every frame it shows is looked at.
"First visit" is a browser that was never here, "second visit" the same browser again, with its cache.
The other side is the same build of OHIF, served by nginx on an origin whose /dicom-web is the same
Orthanc's own; without nginx that column stays empty. Rounds alternate. Prints medians and writes
bench/results/first_image.json, and the frame that ended the time of either side beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click
from playwright.sync_api import BrowserContext, sync_playwright
from rich.console import Console

from bench.direct import nginx_program, viewer_before_orthanc
from bench.figures import LONGEST_TIME, MARGIN, ORTHANC, RESULTS, Figures, Kind
from bench.sides import alternate
from bench.studies import Study, new_study
from bench.visits import Line, Place, Visit, new_browser, visit
from bench.worlds import Margin, running_margin, stopped_like_ctrl_c

SERIES = 4
VISITS = ("first visit", "second visit")


def surgeons_viewer(study: Study) -> Place:
    """What a surgeon's link leads to. The link is opened, the viewer not yet entered."""

    def enter(context: BrowserContext) -> str:
        page = context.new_page()
        page.goto(study.link)
        button = page.get_by_role("link", name="Open images and form")
        address: str = button.evaluate("link => link.href")
        page.close()
        return address

    return Place(MARGIN, enter)


@contextlib.contextmanager
def places(margin: Margin, study: Study) -> Iterator[tuple[Place, ...]]:
    """The sides that can be measured here."""
    with contextlib.ExitStack() as stack:
        found = [surgeons_viewer(study)]
        nginx = nginx_program()
        if nginx is None:
            Console().print(
                "nginx is not installed (Debian: apt install nginx-light): Orthanc is not measured."
            )
        else:
            origin = stack.enter_context(viewer_before_orthanc(nginx, margin.settings))
            address = f"{origin}/basic?StudyInstanceUIDs={study.StudyInstanceUID}"
            found.append(Place(ORTHANC, lambda _context: address))
        yield tuple(found)


def note(figures: Figures, which: str, side: str, found: Visit) -> None:
    figures.add(Kind(f"{which}: first image", "s", LONGEST_TIME), side, found.seconds)
    figures.add(Kind(f"{which}: requests by then", ""), side, found.requests)
    figures.add(Kind(f"{which}: of these DICOMweb", ""), side, found.of_dicomweb)
    figures.add(Kind(f"{which}: received by then", "MB"), side, found.received_mb)


@click.command()
@click.option("--slices", default=450, show_default=True, help="Images in each of the four series.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--mbit", default=0.0, help="Pretend a line of so many Mbit/s.")
@click.option("--latency-ms", default=0.0, help="Pretend that answers begin so much later.")
def main(slices: int, rounds: int, mbit: float, latency_ms: float) -> bool | None:
    """Compare the time to the first image."""
    line = Line(mbit, latency_ms)
    figures = Figures()
    with (
        stopped_like_ctrl_c(),
        running_margin() as margin,
        sync_playwright() as playwright,
        places(margin, new_study(margin, SERIES, slices)) as sides,
    ):

        def both_visits(place: Place) -> list[Visit]:
            found = []
            with new_browser(playwright) as context:
                address = place.enter(context)
                for _ in VISITS:
                    shot = RESULTS / f"first_image-{place.name}.jpg"
                    found.append(visit(context, address, line, shot))
                    margin.wait_until_quiet()
            return found

        def measure(place: Place) -> None:
            for which, found in zip(VISITS, both_visits(place), strict=True):
                note(figures, which, place.name, found)

        for place in sides:
            # Not counted: files and images come into the machine's memory for both alike.
            both_visits(place)
        alternate(sides, rounds, measure)
    title = f"First image of {SERIES} x {slices} slices in OHIF, by pixels ({line})"
    facts = {"mbit": mbit, "latency_ms": latency_ms, "slices": slices, "rounds": rounds}
    return figures.report(title, "first_image", **facts)


if __name__ == "__main__":
    main()
