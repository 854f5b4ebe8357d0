"""Pictures of many kinds, all in one study: what hospitals send beside plain CT."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
)

from server.dicom.frame_shape import FrameShape
from server.dicomweb.pixels.transcoding import encoded
from tests.archive.files import blank, ct_slice

PATIENT, STUDY = "MEDIA-1", "1.2.826.300"
ROWS, COLUMNS = 24, 32
ULTRASOUND_FRAMES = 6
PET_SLICES = 3

BUNDLED = (
    "693_J2KI.dcm",
    "CT_small.dcm",
    "JPGExtended.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_expb.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_jpeg2k.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
)


def uid_of(name: str) -> tuple[str, str]:
    """SeriesInstanceUID and SOPInstanceUID of a picture by its name."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 10**9
    return f"{STUDY}.{number}", f"{STUDY}.{number}.1"


def path_of(name: str) -> str:
    """The path of a picture below the DICOMweb root."""
    series, instance = uid_of(name)
    return f"/studies/{STUDY}/series/{series}/instances/{instance}"


def ours(dataset: Dataset, name: str) -> Dataset:
    """The dataset as an instance of our study."""
    dataset.PatientID, dataset.StudyInstanceUID = PATIENT, STUDY
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uid_of(name)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


@cache
def bundled(name: str) -> Dataset:
    """One of pydicom's own test files, as an instance of our study."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(Path(str(get_testdata_file(name, download=False))))
        for keyword in ("PatientName", "StudyID", "AccessionNumber"):
            dataset.pop(keyword, None)
        return ours(dataset, name)


def picture(name: str, SOPClassUID: str, syntax: UID = ExplicitVRLittleEndian) -> Dataset:
    """An instance without pixels of its own yet."""
    dataset = blank(SOPClassUID, PATIENT, STUDY, *uid_of(name), syntax)
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    return dataset


def colours(number: int) -> NDArray[np.uint8]:
    """A colour picture of its own for each number: (ROWS, COLUMNS, 3)."""
    grid = np.add.outer(np.arange(ROWS) * 5, np.arange(COLUMNS) * 3)[:, :, None]
    return ((grid + np.array([0, 80, 160]) + number * 17) % 256).astype(np.uint8)


def ultrasound(*, planar: bool) -> Dataset:
    """RGB, several frames, colour by pixel or by plane."""
    name = "us-planar" if planar else "us"
    dataset = picture(name, UltrasoundMultiFrameImageStorage)
    dataset.Modality = "US"
    dataset.NumberOfFrames = ULTRASOUND_FRAMES
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = int(planar)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    frames = [colours(number) for number in range(1, ULTRASOUND_FRAMES + 1)]
    dataset.PixelData = b"".join(
        (frame.transpose(2, 0, 1) if planar else frame).tobytes() for frame in frames
    )
    return dataset


def ultrasound_native(number: int, *, planar: bool) -> bytes:
    """The native frame of the ultrasound."""
    frame = colours(number)
    return (frame.transpose(2, 0, 1) if planar else frame).tobytes()


def masks() -> Dataset:
    """A binary SEG whose frames are 9 x 15 pixels: the second begins in the middle of a byte."""
    dataset = picture("masks", SegmentationStorage)
    dataset.Modality, dataset.SegmentationType = "SEG", "BINARY"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 9, 15, 3
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    bits = np.concatenate([mask(number).ravel() for number in (1, 2, 3)])
    packed = np.packbits(bits, bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    return dataset


def mask(number: int) -> NDArray[np.uint8]:
    """Frame `number` of the masks: (9, 15), zeros and ones."""
    return ((np.add.outer(np.arange(9), np.arange(15)) % (number + 1)) == 0).astype(np.uint8)


def pet(number: int) -> Dataset:
    """A PET slice with a rescale of its own."""
    dataset = picture(f"pet-{number}", PositronEmissionTomographyImageStorage)
    dataset.Modality, dataset.Units = "PT", "BQML"
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.RescaleSlope, dataset.RescaleIntercept = number * 0.5, 0
    dataset.PixelData = (np.arange(ROWS * COLUMNS) * 20).astype("<u2").tobytes()
    return dataset


def signed_12_bits(syntax: str) -> Dataset:
    """12 bits stored of 16, signed, compressed without loss in `syntax`."""
    dataset = picture(f"signed-{syntax}", SecondaryCaptureImageStorage, UID(syntax))
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
    frame = encoded(signed_native(), syntax, FrameShape.read(dataset))
    dataset.PixelData = encapsulate([frame])
    return dataset


def signed_native() -> bytes:
    """Values from -2048 to 2047 in 16 bits."""
    slope = np.add.outer(np.arange(ROWS) * 77, np.arange(COLUMNS) * 53) % 4096 - 2048
    return slope.astype("<i2").tobytes()


def truncated() -> Dataset:
    """A header that promises two frames, and pixels for one and a half."""
    dataset = picture("truncated", UltrasoundMultiFrameImageStorage)
    dataset.NumberOfFrames = 2
    dataset.PixelData = bytes(ROWS * COLUMNS * 3)
    return dataset


def corrupt() -> Dataset:
    """Two frames of JPEG 2000, the second of them cut off."""
    dataset = picture("corrupt", UltrasoundMultiFrameImageStorage, UID("1.2.840.10008.1.2.4.90"))
    dataset.NumberOfFrames = 2
    dataset.PixelRepresentation = 1
    frame = encoded(signed_native(), "1.2.840.10008.1.2.4.90", FrameShape.read(dataset))
    dataset.PixelData = encapsulate([frame, frame[:60]])
    return dataset


def big_endian() -> Dataset:
    """Two frames in Explicit VR Big Endian."""
    dataset = picture("big-endian", UltrasoundMultiFrameImageStorage, ExplicitVRBigEndian)
    dataset.NumberOfFrames = 2
    dataset.PixelData = np.arange(ROWS * COLUMNS * 2).astype(">u2").tobytes()
    return dataset


LOSSLESS = (
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
)


def everything() -> list[Dataset]:
    """Every picture, ready to store."""
    made = [ultrasound(planar=False), ultrasound(planar=True), masks(), truncated(), corrupt()]
    made += [pet(number) for number in range(1, PET_SLICES + 1)]
    made += [signed_12_bits(syntax) for syntax in LOSSLESS]
    plain = ct_slice(PATIENT, STUDY, uid_of("plain")[0], 1, ImplicitVRLittleEndian)
    return [*made, big_endian(), ours(plain, "plain"), *map(bundled, BUNDLED)]
