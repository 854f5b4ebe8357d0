"""Small worlds with arithmetic answers: boxes of voxels on a grid of known spacing."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from server.demo.phantoms import Phantom
from server.demo.phases import PHASES
from server.demo.segmentations import encode

SIZE, DEPTH = 16, 12
Box = tuple[int, int, int, int, int, int]
"""First and last-plus-one of planes, rows and columns."""


def images(spacing_mm: tuple[float, float, float] = (2.0, 2.0, 3.0)) -> list[Dataset]:
    """Twelve headers of 16 x 16 pixels; spacing as columns, rows, slices in mm."""
    found = Phantom("scene", slices=DEPTH, rows=SIZE).headers(PHASES[2])
    for number, image in enumerate(found):
        image.PixelSpacing = [spacing_mm[1], spacing_mm[0]]
        image.SliceThickness = 5
        image.ImagePositionPatient = [0, 0, number * spacing_mm[2]]
    return found


def mask(*boxes: Box) -> NDArray[np.bool_]:
    """The union of boxes, bool of shape (planes, rows, columns)."""
    drawn = np.zeros((DEPTH, SIZE, SIZE), bool)
    for top, bottom, low, high, left, right in boxes:
        drawn[top:bottom, low:high, left:right] = True
    return drawn


def seg(
    headers: list[Dataset],
    *,
    omit_empty_frames: bool = True,
    fractional: bool = False,
    **segments: NDArray[np.bool_],
) -> Dataset:
    """A SEG whose labels are the names of the masks (an underscore stands for a blank)."""
    labels = [label.replace("_", " ") for label in segments]
    return encode(
        headers,
        np.stack(list(segments.values()), axis=-1),
        labels,
        name=("scene", *labels),
        omit_empty_frames=omit_empty_frames,
        fractional=fractional,
    )


def stored(dataset: Dataset) -> bytes:
    """The dataset as a Part 10 file."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def sample_ct() -> Path:
    """The folder of the small real CT, or a skip that says how to name it."""
    named = os.environ.get("MARGIN_SAMPLE_CT", "")
    default = Path(__file__).parents[2].parent / "shared" / "data" / "ct-liver-3slice"
    folder = Path(named) if named else default
    if not (folder / "liver.dcm").is_file():
        pytest.skip(f"the real liver CT is not at {folder}; MARGIN_SAMPLE_CT names its folder")
    return folder
