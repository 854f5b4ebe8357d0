"""Instances in many encodings, with what their frames are."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from server.archive import Archive
from server.prepared.codec import Unreadable, decoded
from server.prepared.concluding import layout_of, read_frame
from server.prepared.manifest import Manifest
from server.prepared.shelf import Shelf
from tests.archive.files import ct_slice, written

Pixels = NDArray[Any]


def noise(shape: tuple[int, ...], dtype: Any, seed: int = 1) -> Pixels:
    """Any value of the type, anywhere."""
    limits = np.iinfo(dtype)
    draw = np.random.default_rng(seed)
    return draw.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def slice_of(study: str, number: int, pixels: Pixels, **attributes: Any) -> Dataset:
    """A native slice with these stored values: (rows, columns), (frames, rows, columns) or RGB."""
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    frames = pixels.shape[0] if pixels.ndim - colour == 3 else 0
    rows, columns = pixels.shape[1:3] if frames else pixels.shape[:2]
    dataset = ct_slice("PREPARED", study, f"{study}.1", number, UID("1.2.840.10008.1.2.1"))
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if frames:
        dataset.NumberOfFrames = frames
    if colour:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = 0
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def wrapped(dataset: Dataset, syntax: str, frames: list[bytes]) -> Dataset:
    """The instance with these compressed frames."""
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def jpeg_ls(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(pixels)))


def store(archive: Archive, *datasets: Dataset | bytes) -> str:
    """Store the instances; gives the archive's identifier of the last one's series."""
    for dataset in datasets:
        file = dataset if isinstance(dataset, bytes) else written(dataset)
        stored = archive.store_instance(file)
    return stored.series_id


def big_endian(dataset: Dataset) -> bytes:
    """The file with every sample and word the other way round."""
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.2")
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True, little_endian=False, implicit_vr=False)
    return file.getvalue()


def frame(shelf: Shelf, manifest: Manifest, SOPInstanceUID: str, number: int = 1) -> bytes:
    """The bytes of a prepared frame, whatever they are in."""
    study, series = manifest.StudyInstanceUID, manifest.SeriesInstanceUID
    return read_frame(shelf.frame(study, series, SOPInstanceUID, number))


def picture(shelf: Shelf, manifest: Manifest, SOPInstanceUID: str, number: int = 1) -> Pixels:
    """The stored values that a prepared frame gives."""
    one = manifest.by_uid[SOPInstanceUID]
    found = decoded(layout_of(one), frame(shelf, manifest, SOPInstanceUID, number))
    assert not isinstance(found, Unreadable), found.reason
    return found
