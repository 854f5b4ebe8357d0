"""One look at the pixels of a series: its phase and its coverage, with the organs found once."""

from __future__ import annotations

from dataclasses import dataclass

from server.imaging.coverage import coverage
from server.imaging.landmarks import Coverage
from server.imaging.organs_found import find_organs
from server.imaging.phase import PhaseReading
from server.imaging.phase_pixels import pixel_phase
from server.imaging.read_volume import Volume


@dataclass(frozen=True)
class Look:
    """Phase and coverage by pixels."""

    phase: PhaseReading
    coverage: Coverage


def look_at(volume: Volume) -> Look:
    """Finds the organs of a CT volume once and reads phase and coverage from them."""
    organs = find_organs(volume)
    return Look(pixel_phase(organs), coverage(organs))
