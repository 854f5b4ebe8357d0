"""Finding organs in a CT without trained weights: by place, size, evenness and brightness."""

from __future__ import annotations

from dataclasses import dataclass, replace

from server.imaging.aorta import Aorta, find_aorta
from server.imaging.body_parts import (
    Coarse,
    Mask,
    Spine,
    coarsened,
    find_body,
    find_lungs,
    find_spine,
)
from server.imaging.parenchyma import (
    Kidneys,
    Parenchyma,
    find_kidneys,
    find_liver,
    find_spleen,
    ground_of,
)
from server.imaging.pelvis import Pelvis, find_pelvis
from server.imaging.portal_region import PortalRegion, find_portal_region
from server.imaging.read_volume import Volume
from server.imaging.turning import in_words, may_be_turned, turned


@dataclass(frozen=True)
class Organs:
    """What was found in a volume. Masks lie on the `coarse` grid. What was not found is None.
    `notes` are sentences about what hinders the search. `turned` says along which directions the body
    had to be turned to lie as the headers say; `volume` is the turned one.
    """

    volume: Volume
    coarse: Coarse
    body: Mask
    lungs: Mask
    spine: Spine
    pelvis: Pelvis
    aorta: Aorta | None
    liver: Parenchyma | None
    portal: PortalRegion | None
    spleen: Parenchyma | None
    kidneys: Kidneys | None
    notes: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()


def find_organs(volume: Volume) -> Organs:
    """Looks for body, lungs, spine, pelvis, aorta, liver, portal region, spleen and kidneys.

    A body that lies the other way round is turned. What is not found is None, with the reason among
    the notes; nothing is guessed. Never raises for odd pixels.
    """
    organs = _find(volume)
    if not may_be_turned(organs.spine, organs.lungs, organs.liver):
        return organs
    volume, ways = turned(volume)
    if not ways:
        return organs
    organs = _find(volume)
    return replace(organs, turned=ways, notes=(in_words(ways), *organs.notes))


def _find(volume: Volume) -> Organs:
    coarse = coarsened(volume)
    body = find_body(coarse)
    lungs = find_lungs(coarse, body)
    spine = find_spine(coarse, body)
    aorta = find_aorta(volume, spine)
    ground = ground_of(coarse, body)
    pelvis = find_pelvis(coarse, body, lungs, spine)
    liver = find_liver(coarse, body, lungs, spine, ground, pelvis.crest_level)
    spleen = find_spleen(coarse, body, spine, ground, liver) if liver else None
    kidneys = find_kidneys(coarse, body, spine, liver, spleen)
    portal = find_portal_region(volume, coarse, liver, spine, aorta, kidneys) if liver else None
    notes = _notes(volume, body, spine)
    return Organs(
        volume, coarse, body, lungs, spine, pelvis, aorta, liver, portal, spleen, kidneys, notes
    )


def _notes(volume: Volume, body: Mask, spine: Spine) -> tuple[str, ...]:
    notes = []
    if volume.hu.shape[0] < 8 or volume.length_mm < 40.0:
        notes.append(f"Only {volume.length_mm:.0f} mm of the body were seen.")
    if not body.any():
        notes.append("No body was found in the images.")
    elif not spine.found.any():
        notes.append("No spine was found: the images may be turned, or not of the trunk.")
    if volume.tilt_deg > 20.0:
        notes.append(f"The images stand {volume.tilt_deg:.0f} degrees off the body's axes.")
    return tuple(notes)
