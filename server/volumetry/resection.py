"""A resection tried on the volume: what would remain, what would be taken, and how near the cut
comes to the tumour. Pure: masks and points in, masks and figures out.

Masks are uint8 of 0 and 1, shape (depth, rows, columns), lowest slice first; points are in mm in
the patient (LPS). A tilted stack is cut where its slices lie: nothing is resampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.dicom.geometry import SeriesGeometry, Vector
from server.foundation.errors import Invalid
from server.volumetry.distance import margin_mm, nearest_of, shared_voxels
from server.volumetry.masks import Volume, box_of
from server.volumetry.placing import (
    in_plane_mm,
    origins_mm,
    pixels_of,
    plane_at,
    steps_mm,
    voxel_of,
)
from server.volumetry.polygons import filled

RESAMPLED_TO = 200  # points by which a drawn line is followed from slice to slice


class CutUndefined(Invalid):
    """The points do not define a cut, or the cut leaves one side of the liver empty."""


@dataclass(frozen=True)
class Split:
    """The two sides of a cut. `margin_mm` is the shortest distance between voxel centres of tumour
    and remnant: 0.0 where the cut goes through the tumour, None without a tumour."""

    remnant: Volume
    specimen: Volume
    remnant_ml: float
    specimen_ml: float
    tumour_left_ml: float
    margin_mm: float | None


def by_plane(
    liver: Volume, images: SeriesGeometry, points_mm: Sequence[Vector], remains_mm: Vector
) -> Volume:
    """The part of the liver on the same side of a plane as the point `remains_mm`.

    Raises CutUndefined when the three points lie on a line or `remains_mm` in the plane.
    """
    one, two, three = (np.array(point, float) for point in points_mm)
    normal = np.cross(two - one, three - one)
    length = float(np.linalg.norm(normal))
    if length < 1e-6 * max(1.0, float(np.linalg.norm(two - one)) ** 2):
        raise CutUndefined(
            "The three points lie on one line, so they define no plane.",
            remedy="Set the third point away from the line through the other two.",
        )
    normal /= length
    side = float((np.array(remains_mm) - one) @ normal)
    if abs(side) < 1e-6:
        raise CutUndefined(
            "The point that is to remain lies in the plane itself.",
            remedy="Set it inside the part of the liver that remains.",
        )
    row, column = steps_mm(images)
    origins = origins_mm(images)
    # The signed distance is linear within a slice: one plane of it, and an offset for each slice.
    planes, rows, columns = box_of(liver)
    within = np.float32(side / abs(side)) * (
        (np.arange(rows.start, rows.stop) * float(row @ normal))[:, None]
        + (np.arange(columns.start, columns.stop) * float(column @ normal))[None, :]
    ).astype(np.float32)
    remnant = np.zeros(liver.shape, np.uint8)
    for index in range(planes.start, planes.stop):
        away = float((origins[index] - one) @ normal)
        remains = within > -np.sign(side) * away
        remnant[index, rows, columns] = liver[index, rows, columns] & remains
    return remnant


def by_surface(
    liver: Volume,
    images: SeriesGeometry,
    lines_mm: Sequence[Sequence[Vector]],
    remains_mm: Vector,
) -> Volume:
    """The part of the liver on the same side of a curved surface as the point `remains_mm`.

    The surface goes through lines drawn on two or more slices (or one, then it stands upright on
    it): each line is continued straight beyond its ends, and between slices the lines are joined
    point by point, one that was drawn from its other end being turned round; above the highest and
    below the lowest line the surface stands upright. Raises CutUndefined.
    """
    drawn, origins = _drawn(lines_mm, images), origins_mm(images)
    rows, columns = liver.shape[1:]
    remnant = np.zeros(liver.shape, np.uint8)

    def left_on(index: int) -> NDArray[np.bool_]:
        line = pixels_of(_line_at(drawn, index), origins[index], images)
        return filled(_left_of(line, rows, columns), rows, columns)

    remains = voxel_of(np.array(remains_mm, float), images)
    if remains is None:
        raise CutUndefined(
            "The point that is to remain lies outside the images.",
            remedy="Set it inside the part of the liver that remains.",
        )
    keep = left_on(remains[0])[remains[1:]]
    planes, *_ = box_of(liver)
    for index in range(planes.start, planes.stop):
        remnant[index] = liver[index] & (left_on(index) == keep)
    return remnant


def by_segments(liver: Volume, couinaud: Mapping[str, Volume], removed: Sequence[str]) -> Volume:
    """The liver without the Couinaud segments named in `removed`. Raises CutUndefined."""
    unknown = sorted(set(removed) - set(couinaud))
    if not couinaud:
        raise CutUndefined(
            "This segmentation has no Couinaud segments.",
            remedy="Draw them, named “liver segment II” and so on, or cut along a plane or lines.",
        )
    if unknown or not removed:
        raise CutUndefined(
            f"There is no segment {', '.join(unknown)} in this segmentation."
            if unknown
            else "No segment is named that is to be removed.",
            remedy="Choose from " + ", ".join(sorted(couinaud)) + ".",
        )
    taken = np.bitwise_or.reduce([couinaud[name] for name in removed])
    remnant: Volume = liver & (1 - taken)
    return remnant


def reaching_under(
    couinaud: Mapping[str, Volume], painted: Volume, images: SeriesGeometry
) -> dict[str, Volume]:
    """The Couinaud segments with what was painted over them: each voxel goes to the nearest one."""
    nearest = nearest_of(list(couinaud.values()), painted, images)
    return {
        name: segment | (nearest == number).astype(np.uint8)
        for number, (name, segment) in enumerate(couinaud.items(), start=1)
    }


def split(
    liver: Volume, remnant: Volume, images: SeriesGeometry, tumour: Volume | None = None
) -> Split:
    """What a cut comes to; the remnant lies in the liver. Raises CutUndefined when it takes all of
    the liver, or nothing."""
    voxel_ml = images.voxel_volume_ml or 0.0
    box = box_of(liver)
    specimen = np.zeros(liver.shape, np.uint8)
    specimen[box] = liver[box] ^ remnant[box]
    left, taken = int(np.count_nonzero(remnant[box])), int(np.count_nonzero(specimen[box]))
    if not left or not taken:
        raise CutUndefined(
            "The cut does not go through the liver: everything lies on its "
            + ("remaining" if left else "removed")
            + " side.",
            remedy="Move the cut into the liver.",
        )
    stays = 0 if tumour is None else shared_voxels(tumour, remnant)
    return Split(
        remnant=remnant,
        specimen=specimen,
        remnant_ml=left * voxel_ml,
        specimen_ml=taken * voxel_ml,
        tumour_left_ml=stays * voxel_ml,
        margin_mm=None if tumour is None else margin_mm(tumour, remnant, images),
    )


def _drawn(
    lines_mm: Sequence[Sequence[Vector]], images: SeriesGeometry
) -> list[tuple[float, NDArray[np.float64]]]:
    """The lines by the slice (a fraction, lowest 0) they were drawn on, lowest first, each followed
    by equally spaced points in mm along rows and columns."""
    found = []
    for line in lines_mm:
        points = np.array(line, float)
        if points.ndim != 2 or points.shape[0] < 2 or not np.isfinite(points).all():
            raise CutUndefined(
                "A line of the cut has fewer than two points.",
                remedy="Draw each line with two or more points.",
            )
        place = plane_at(points.mean(axis=0), images)
        found.append((place, _resampled(in_plane_mm(points, images))))
    if not found:
        raise CutUndefined("No line was drawn.", remedy="Draw a line on one or more slices.")
    return _in_one_direction(sorted(found, key=lambda one: one[0]))


def _in_one_direction(
    drawn: list[tuple[float, NDArray[np.float64]]],
) -> list[tuple[float, NDArray[np.float64]]]:
    """The lines, each turned round where it runs against the one below it."""
    found = drawn[:1]
    for place, line in drawn[1:]:
        below = found[-1][1]
        against = (line[-1] - line[0]) @ (below[-1] - below[0]) < 0
        found.append((place, line[::-1] if against else line))
    return found


def _resampled(line: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    if travelled[-1] <= 0:
        raise CutUndefined("A line of the cut has no length.", remedy="Draw it across the liver.")
    wanted = np.linspace(0.0, travelled[-1], RESAMPLED_TO)
    return np.stack(
        [np.interp(wanted, travelled, line[:, 0]), np.interp(wanted, travelled, line[:, 1])], axis=1
    )


def _line_at(drawn: list[tuple[float, NDArray[np.float64]]], index: int) -> NDArray[np.float64]:
    places = [place for place, _ in drawn]
    if index <= places[0] or len(drawn) == 1:
        return drawn[0][1]
    if index >= places[-1]:
        return drawn[-1][1]
    above = next(number for number, place in enumerate(places) if place >= index)
    (low, first), (high, second) = drawn[above - 1], drawn[above]
    part = (index - low) / (high - low) if high > low else 0.0
    return (1 - part) * first + part * second


def _left_of(line: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """An outline of everything on the left of a line that is continued beyond both ends."""
    far = 4.0 * (rows + columns)
    head, tail = line[0] - line[1], line[-1] - line[-2]
    if not (head.any() and tail.any()):
        raise CutUndefined(
            "Between two of the lines the surface has no direction: they run against each other.",
            remedy="Draw them alike on neighbouring slices.",
        )
    start = line[0] + far * head / np.linalg.norm(head)
    end = line[-1] + far * tail / np.linalg.norm(tail)
    across = line[-1] - line[0]
    along_line = across / np.linalg.norm(across) if np.linalg.norm(across) > 0 else tail
    left = np.array([along_line[1], -along_line[0]]) * far
    return np.concatenate([[start], line, [end], [end + left], [start + left]])
