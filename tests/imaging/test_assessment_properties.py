"""Whatever gets worse about the images, the verdict never gets better; and what is added never hurts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.imaging.assessing import assess
from server.imaging.compression import Compression
from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, Verdict, verdict_of
from server.imaging.landmarks import Landmark
from server.imaging.phase import Phase, PhaseReading
from server.imaging.protocols import protocols
from server.imaging.roles import Role
from server.imaging.spacing import Gap
from tests.imaging.made_series import ON, cut, series, spacing

ORDER = (Verdict.ADEQUATE, Verdict.LIMITED, Verdict.INADEQUATE)
PHASES = (
    Phase.NATIVE,
    Phase.ARTERIAL_EARLY,
    Phase.ARTERIAL_LATE,
    Phase.PORTAL_VENOUS,
    Phase.DELAYED,
)
UNKNOWN = PhaseReading(Phase.INDETERMINATE, 0.0, ())
PROTOCOLS = st.sampled_from(sorted(protocols()))

Worsening = Callable[[SeriesFacts], SeriesFacts]


def _of_spacing(**change: Any) -> Worsening:
    return lambda one: replace(one, spacing=replace(one.spacing, **change))


def _older(days: int) -> Worsening:
    return lambda one: replace(
        one, made_on=one.made_on - timedelta(days=days) if one.made_on else None
    )


def _thicker(factor: float) -> Worsening:
    return lambda one: replace(one, slice_thickness_mm=(one.slice_thickness_mm or 1.0) * factor)


WORSENINGS: dict[str, Worsening] = {
    "older": _older(20),
    "much older": _older(70),
    "undated": lambda one: replace(one, made_on=None),
    "thicker": _thicker(2.0),
    "much thicker": _thicker(6.0),
    "without thickness": lambda one: replace(
        one, slice_thickness_mm=None, spacing=replace(one.spacing, spacing_mm=None)
    ),
    "with holes": _of_spacing(gaps=(Gap(3, -900.0, -892.0),)),
    "mostly holes": _of_spacing(gaps=(Gap(80, -900.0, -740.0),)),
    "uneven": _of_spacing(uneven_mm=(-900.0,)),
    "overlapping": _of_spacing(overlaps_mm=(-900.0,)),
    "unplaced": _of_spacing(unplaced=4),
    "lossy": lambda one: replace(one, compression=Compression(True, 6.0)),
    "very lossy": lambda one: replace(one, compression=Compression(True, 40.0)),
    "small": lambda one: replace(one, rows=128, columns=128),
    "narrow": lambda one: replace(one, pixel_spacing_mm=(0.2, 0.2)),
    "without pixel size": lambda one: replace(one, pixel_spacing_mm=None),
    "sharp": lambda one: replace(one, kernel="B80f"),
    "no attenuation": lambda one: replace(one, is_attenuation=False),
    "cut": lambda one: replace(one, coverage=cut(*Landmark)),
    "a film": lambda one: replace(one, role=Role.SCANNED_FILM),
    "a screenshot": lambda one: replace(one, role=Role.SCREENSHOT),
    "reformatted": lambda one: replace(one, role=Role.MPR) if one.role is Role.DIAGNOSTIC else one,
    "of no known phase": lambda one: replace(one, header_phase=UNKNOWN, pixel_phase=UNKNOWN),
}  # fmt: skip


@st.composite
def made(draw: st.DrawFn) -> SeriesFacts:
    """A CT series, good or not."""
    phase = draw(st.sampled_from(PHASES))
    thick = draw(st.sampled_from((0.8, 1.5, 3.0, 5.0, 8.0)))
    one = series(
        phase,
        f"1.2.3.{draw(st.integers(100, 10**6))}",
        made_on=ON - timedelta(days=draw(st.integers(0, 130))),
        slice_thickness_mm=thick,
        spacing=spacing(spacing_mm=thick),
        regions_said=frozenset(draw(st.sets(st.sampled_from(("abdomen", "chest")), min_size=1))),
    )
    for worsening in draw(st.lists(st.sampled_from(sorted(WORSENINGS)), max_size=2)):
        one = WORSENINGS[worsening](one)
    return one


def rank(found: list[SeriesFacts], protocol: str, on: date = ON) -> int:
    return ORDER.index(assess(found, [protocols()[protocol]], on).verdict)


SUBMISSIONS = st.lists(made(), min_size=1, max_size=5, unique_by=lambda one: one.SeriesInstanceUID)


@settings(max_examples=150, deadline=None)
@given(SUBMISSIONS, PROTOCOLS, st.sampled_from(sorted(WORSENINGS)), st.data())
def test_worse_imaging_never_gives_a_better_verdict(
    found: list[SeriesFacts], protocol: str, worsening: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(found) - 1))
    worse = [*found]
    worse[place] = WORSENINGS[worsening](worse[place])
    assert rank(worse, protocol) >= rank(found, protocol)


@settings(max_examples=80, deadline=None)
@given(SUBMISSIONS, PROTOCOLS, st.data())
def test_a_series_less_never_gives_a_better_verdict(
    found: list[SeriesFacts], protocol: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(found) - 1))
    fewer = found[:place] + found[place + 1 :]
    assert rank(fewer, protocol) >= rank(found, protocol)


@settings(max_examples=60, deadline=None)
@given(SUBMISSIONS, PROTOCOLS, st.integers(1, 100))
def test_waiting_never_gives_a_better_verdict(
    found: list[SeriesFacts], protocol: str, days: int
) -> None:
    later = rank(found, protocol, ON + timedelta(days=days))
    assert later >= rank(found, protocol)


@settings(max_examples=60, deadline=None)
@given(SUBMISSIONS, PROTOCOLS, st.randoms(use_true_random=False))
def test_the_order_of_series_changes_nothing(
    found: list[SeriesFacts], protocol: str, random: Any
) -> None:
    shuffled = [*found]
    random.shuffle(shuffled)
    wanted = [protocols()[protocol]]
    one, other = assess(found, wanted, ON), assess(shuffled, wanted, ON)
    assert (one.verdict, one.findings, one.used) == (other.verdict, other.findings, other.used)


FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from(("a", "b", "c", "d")),
        st.sampled_from(Severity),
        subjects=st.sampled_from(((), ("1",), ("2",))),
    ),
    max_size=6,
)


@given(FINDINGS, FINDINGS)
def test_more_findings_never_give_a_better_verdict(
    some: list[Finding], more: list[Finding]
) -> None:
    assert ORDER.index(verdict_of([*some, *more])) >= ORDER.index(verdict_of(some))


@given(FINDINGS, st.sets(st.sampled_from(("a", "b.x", "c", "d"))))
def test_a_waiver_never_gives_a_worse_verdict(found: list[Finding], waived: set[str]) -> None:
    assert ORDER.index(verdict_of(found, waived)) <= ORDER.index(verdict_of(found))
