"""One phase over a surgeon's line: when it can be scrolled, when it is whole, and the same as MPR.

python -m bench.scroll [--slices 450] [--rounds 1] [--mbit 20 --round-trip-ms 150 --slow-start]

A surgeon's viewer on a case with one prepared series, in headless Chromium, through `margin up --proxy`
and a line of our own; the browser has the viewer's files. Times run from entering the viewer's address.
"Can be scrolled" is when every slice has a picture of reduced resolution, "whole" when every slice has
all its bits, both as our loader counts them; what stands in the viewports is judged by pixels, and that
frame is kept beside the results. MPR is opened as such, on a visit of its own; its times are less the
viewer's floor: three slices as MPR, on loopback. The line's own floor, all frames over an empty line, is
arithmetic and printed beside. Writes bench/results/scroll.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
from playwright.sync_api import Page, sync_playwright

from bench.figures import MARGIN, RESULTS, Figures, Kind, as_program, at_most
from bench.first_image import FLOOR_SLICES, far_margin, surgeons_viewer
from bench.lines import Line, line_options, trusted_by_key
from bench.studies import Study, new_study
from bench.visits import Place, new_browser, visit
from bench.worlds import Margin, stopped_like_ctrl_c
from server.prepared.shelf import FRAMES, Shelf

MPR = "hangingprotocolId=mpr"
MPR_VIEWPORTS = 3
LOOK_EVERY_MS = 100
LIMIT_S = 240.0
FIRST = Kind("phase: first image", "s")
SCROLLABLE = Kind("phase: can be scrolled", "s", at_most(6))
WHOLE = Kind("phase: whole", "s", at_most(38))
MPR_UP = Kind("MPR: viewports up, less the floor", "s", at_most(2))
MPR_PREVIEW = Kind("MPR: every slice reduced, less the floor", "s", at_most(8))
MPR_WHOLE = Kind("MPR: whole, less the floor", "s")
LINE_FLOOR = Kind("all frames over an empty line (arithmetic)", "s")


@dataclass
class Progress:
    """When the longest series in the viewer had every slice, s since the viewer was entered."""

    slices: int
    preview_s: float = 0.0
    whole_s: float = 0.0
    counts: list[dict[str, Any]] = field(default_factory=list)

    def follow(self, page: Page, started: float) -> None:
        """Look again and again until all is there."""
        while time.time() - started < LIMIT_S:
            self.counts = page.evaluate("() => window.marginLoading?.() ?? []")
            now = time.time() - started
            shown = [one for one in self.counts if one["all"] == self.slices]
            if not self.preview_s and any(one["preview"] == self.slices for one in shown):
                self.preview_s = now
            if any(one["whole"] == self.slices for one in shown):
                self.whole_s = now
                return
            page.wait_for_timeout(LOOK_EVERY_MS)
        raise RuntimeError(f"not every slice came within {LIMIT_S:.0f} s: {self.counts}")


def line_floor_s(margin: Margin, study: Study, line: Line) -> float:
    """How long all prepared frames of the study take on a line that carries nothing else."""
    folder = Shelf(margin.settings.cache_dir).study_folder(study.StudyInstanceUID)
    size = sum(path.stat().st_size for path in folder.glob(f"*/{FRAMES}/*"))
    return size * 8 / (line.mbit_per_s * 1e6) if line.mbit_per_s else 0.0


@dataclass
class Measuring:
    """Both ways of opening the series, each in a browser that has the viewer's files."""

    context: Callable[[], Any]
    figures: Figures
    slices: int

    def opened(
        self, place: Place, warm: Place, viewports: int, slices: int
    ) -> tuple[float, Progress]:
        """Seconds to the picture, and what came after."""
        with self.context() as context:
            # The first visit brings the viewer's files into the browser's cache.
            visit(context, warm.enter(context), RESULTS / "floor.jpg")
            progress = Progress(slices)
            shot = RESULTS / f"scroll-{viewports}.jpg"
            address = place.enter(context)
            found = visit(context, address, shot, viewports=viewports, then=progress.follow)
        return found.seconds, progress

    def phase(self, place: Place, warm: Place) -> None:
        seconds, progress = self.opened(place, warm, 1, self.slices)
        self.figures.add(FIRST, MARGIN, seconds)
        self.figures.add(SCROLLABLE, MARGIN, max(seconds, progress.preview_s))
        self.figures.add(WHOLE, MARGIN, progress.whole_s)

    def reformatted(self, place: Place, warm: Place, floor_s: float) -> None:
        seconds, progress = self.opened(place, warm, MPR_VIEWPORTS, self.slices)
        self.figures.add(MPR_UP, MARGIN, seconds - floor_s)
        self.figures.add(MPR_PREVIEW, MARGIN, max(seconds, progress.preview_s) - floor_s)
        self.figures.add(MPR_WHOLE, MARGIN, progress.whole_s - floor_s)


@click.command()
@click.option("--slices", default=450, show_default=True)
@click.option("--rounds", default=1, show_default=True)
@line_options
def main(
    slices: int, rounds: int, mbit: float, round_trip_ms: float, slow_start: bool
) -> bool | None:
    """When a phase can be scrolled and reformatted over a line."""
    line = Line(mbit, round_trip_ms, slow_start)
    figures = Figures()
    with stopped_like_ctrl_c(), far_margin(line) as margin, sync_playwright() as playwright:
        study = new_study(margin, 1, slices)
        small = new_study(margin, 1, FLOOR_SLICES, name="floor")
        trusted = trusted_by_key(margin.settings.tls_certificate)
        measuring = Measuring(lambda: new_browser(playwright, trusted), figures, slices)
        near = margin.settings.port
        warm, near_warm = surgeons_viewer(small), surgeons_viewer(small, port=near)
        for _ in range(rounds):
            measuring.phase(surgeons_viewer(study), warm)
            floor_place = surgeons_viewer(small, MPR, port=near)
            # Three slices seen from the side are a thin line: only the axial viewport can be looked at.
            floor_s, _ = measuring.opened(floor_place, near_warm, 1, FLOOR_SLICES)
            figures.add(Kind("MPR: the floor", "s"), MARGIN, floor_s)
            measuring.reformatted(surgeons_viewer(study, MPR), warm, floor_s)
        figures.add(LINE_FLOOR, MARGIN, line_floor_s(margin, study, line))
    title = f"One phase of {slices} slices in OHIF ({line})"
    facts = {"mbit": mbit, "round_trip_ms": round_trip_ms, "slow_start": slow_start}
    return figures.report(title, "scroll", **facts, slices=slices, rounds=rounds)


if __name__ == "__main__":
    as_program(main)
