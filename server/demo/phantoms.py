"""Synthetic four-phase CT studies of the upper abdomen with volumes that are known exactly.

A voxel either belongs to the liver, the remnant or the tumour or it does not, so each volume is a
count times the volume of one voxel. The positions of the slices are 4.0 mm apart and the Slice
Thickness says 5.0 mm, as with overlapping reconstruction: whoever multiplies by the thickness is
25 % out.

The same name always gives the same UIDs and the same pixels, so that storing a study twice adds
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from server.demo.anatomy import Region, Tissue, paint
from server.demo.phases import ALWAYS_HU, PHASES, Phase, PhaseName
from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, uid_from

Organ = Literal["liver", "pancreas"]

_FIELD_OF_VIEW_MM: Final = 384.0
_COVERAGE_MM: Final = 224.0
# Finer studies repeat slices of this many different ones: benches need weight, not detail.
_MOST_LEVELS: Final = 128
_NOISE_PLANES: Final = 6
_NOISE_MARGIN: Final = 64


@dataclass(frozen=True)
class KnownVolumes:
    """Volumes in mL, each a number of voxels times the volume of one. `liver_ml` is the whole
    liver with its vessels and the tumour; `flr_ml` is what a right hepatectomy leaves.
    """

    liver_ml: float
    flr_ml: float
    tumour_ml: float

    @property
    def flr_percent(self) -> float:
        """100 x FLR / (liver - tumour), in percent."""
        return 100.0 * self.flr_ml / (self.liver_ml - self.tumour_ml)


@dataclass(frozen=True)
class Phantom:
    """One study. `rows` is rows and columns of each image; `slices` is images per phase;
    `spacing_mm` is the distance between slices (224 mm of coverage shared among the slices when
    left out, 4.0 mm for the default 56). `name` decides the UIDs, `seed` the noise.
    """

    name: str
    organ: Organ = "liver"
    slices: int = 56
    rows: int = 512
    seed: int = 1
    spacing_mm: float | None = None
    PatientName: str = "PHANTOM^LIVER"
    PatientID: str = "PHANTOM-1"
    PatientSex: str = "O"
    PatientBirthDate: str = "19600101"
    AccessionNumber: str = ""
    StudyDate: str = "20261109"
    StudyDescription: str = "CT abdomen four phases (synthetic phantom)"
    phases: tuple[Phase, ...] = field(default=PHASES)

    @property
    def slice_spacing_mm(self) -> float:
        """Distance in mm between the positions of neighbouring slices."""
        return self.spacing_mm or _COVERAGE_MM / self.slices

    @property
    def pixel_spacing_mm(self) -> float:
        """Distance in mm between rows, and between columns."""
        return _FIELD_OF_VIEW_MM / self.rows

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in mL."""
        return self.pixel_spacing_mm**2 * self.slice_spacing_mm / 1000.0

    @property
    def StudyInstanceUID(self) -> str:  # noqa: N802
        """Always the same for the same name."""
        return uid_from("phantom", self.name)

    @property
    def FrameOfReferenceUID(self) -> str:  # noqa: N802
        """One for all phases: the patient did not move."""
        return uid_from("phantom", self.name, "frame of reference")

    def SeriesInstanceUID(self, phase: Phase) -> str:  # noqa: N802
        """Always the same for the same name and phase."""
        return uid_from("phantom", self.name, phase.name)

    def SOPInstanceUID(self, phase: Phase, index: int) -> str:  # noqa: N802
        """Of the image at `index` (0 is the lowest slice)."""
        return uid_from("phantom", self.name, phase.name, str(index))

    def phase(self, name: PhaseName) -> Phase:
        """The phase of this name. Raises KeyError."""
        return {phase.name: phase for phase in self.phases}[name]

    def regions(self) -> NDArray[np.uint8]:
        """Bits of `Region` per voxel, uint8 of shape (slices, rows, rows), lowest slice first."""
        return self._painted[1][[self._level_of(index) for index in range(self.slices)]]

    def known_volumes(self) -> KnownVolumes:
        """The volumes in mL, counted on the voxels."""
        regions = self.regions()
        liver, flr, tumour = (
            float(np.count_nonzero(regions & bit)) * self.voxel_volume_ml
            for bit in (Region.LIVER, Region.FLR, Region.TUMOUR)
        )
        return KnownVolumes(liver, flr, tumour)

    def images(self, phase: Phase) -> Iterator[Dataset]:
        """The CT images of one phase with pixels and File Meta Information, lowest slice first.

        Each dataset is changed into the next one: write or copy it before asking for another.
        """
        dataset = _template(self, phase)
        noise = self._noise
        look_up = _look_up(phase)
        generator = np.random.default_rng([self.seed, phase.series_number])
        for index in range(self.slices):
            tissue = self._painted[0][self._level_of(index)]
            down, right, plane = generator.integers((_NOISE_MARGIN, _NOISE_MARGIN, _NOISE_PLANES))
            grain = noise[plane, down : down + self.rows, right : right + self.rows]
            pixels = np.maximum(_softened(look_up[tissue]) + grain, -1024)
            _place(dataset, self, phase, index)
            dataset.PixelData = pixels.astype("<i2").tobytes()
            yield dataset

    def headers(self, phase: Phase) -> list[Dataset]:
        """The images of one phase without pixels, lowest slice first."""
        found = []
        for index in range(self.slices):
            dataset = _template(self, phase)
            _place(dataset, self, phase, index)
            found.append(dataset)
        return found

    def write(self, folder: Path) -> list[Path]:
        """Writes every image to `folder`/<phase>/<number>.dcm and names the files."""
        written = []
        for phase in self.phases:
            directory = folder / phase.name
            directory.mkdir(parents=True, exist_ok=True)
            for index, dataset in enumerate(self.images(phase)):
                path = directory / f"{index + 1:04d}.dcm"
                dataset.save_as(path, enforce_file_format=True)
                written.append(path)
        return written

    @cached_property
    def _painted(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        different = min(self.slices, _MOST_LEVELS)
        shape = (different, self.rows, self.rows)
        tissues, regions = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        for index in range(different):
            level = (index + 0.5) / different
            canvas = paint(
                self.rows,
                self.pixel_spacing_mm,
                level,
                with_pancreatic_tumour=self.organ == "pancreas",
            )
            tissues[index], regions[index] = canvas.tissue, canvas.region
        return tissues, regions

    def _level_of(self, index: int) -> int:
        return index * min(self.slices, _MOST_LEVELS) // self.slices

    @cached_property
    def _noise(self) -> NDArray[np.int16]:
        """Grain with the blotches of a soft kernel: a few planes, cut out at random places."""
        size = self.rows + _NOISE_MARGIN
        white = np.random.default_rng(self.seed).normal(0, 1, (_NOISE_PLANES, size, size))
        soft = white + np.roll(white, 1, 1) + np.roll(white, 1, 2) + np.roll(white, (1, 1), (1, 2))
        grain: NDArray[np.int16] = np.rint(soft / soft.std() * 11).astype(np.int16)
        return grain


def _look_up(phase: Phase) -> NDArray[np.int16]:
    table = np.zeros(max(Tissue) + 1, np.int16)
    for tissue, value in {**ALWAYS_HU, **phase.attenuation_hu}.items():
        table[tissue] = value
    return table


def _softened(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Edges as a scanner draws them: each pixel shares with its neighbours (weights 1-2-1)."""
    soft = values.copy()
    soft[1:-1] = (values[:-2] + 2 * values[1:-1] + values[2:]) >> 2
    across = soft.copy()
    across[:, 1:-1] = (soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]) >> 2
    return across


def _place(dataset: Dataset, phantom: Phantom, phase: Phase, index: int) -> None:
    uid = phantom.SOPInstanceUID(phase, index)
    dataset.SOPInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.InstanceNumber = index + 1
    edge = -(phantom.rows - 1) / 2 * phantom.pixel_spacing_mm
    z = index * phantom.slice_spacing_mm - 1200.0
    dataset.ImagePositionPatient = [_ds(edge), _ds(edge), _ds(z)]
    dataset.SliceLocation = _ds(z)


def _template(phantom: Phantom, phase: Phase) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    dataset.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    _describe_patient_and_study(dataset, phantom)
    _describe_series(dataset, phantom, phase)
    _describe_pixels(dataset, phantom)
    return dataset


def _describe_patient_and_study(dataset: Dataset, phantom: Phantom) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = phantom.PatientName
    dataset.PatientID = phantom.PatientID
    dataset.PatientBirthDate = phantom.PatientBirthDate
    dataset.PatientSex = phantom.PatientSex
    dataset.PatientAge = f"{int(phantom.StudyDate[:4]) - int(phantom.PatientBirthDate[:4]):03d}Y"
    dataset.PatientSize = "1.70"
    dataset.PatientWeight = "70"
    dataset.StudyInstanceUID = phantom.StudyInstanceUID
    dataset.StudyDate = phantom.StudyDate
    dataset.StudyTime = "095000"
    dataset.StudyID = "1"
    dataset.AccessionNumber = phantom.AccessionNumber
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = phantom.StudyDescription


def _describe_series(dataset: Dataset, phantom: Phantom, phase: Phase) -> None:
    acquired = "095500" if phase.delay_s is None else _clock(10 * 3600 + phase.delay_s)
    dataset.SOPClassUID = CTImageStorage
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = phantom.SeriesInstanceUID(phase)
    dataset.SeriesNumber = phase.series_number
    dataset.SeriesDescription = phase.description
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = phantom.StudyDate
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = acquired
    dataset.AcquisitionNumber = phase.series_number
    dataset.Manufacturer = "Margin"
    dataset.ManufacturerModelName = "Synthetic phantom"
    dataset.InstitutionName = "PHANTOM HOSPITAL"
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.PatientPosition = "FFS"
    dataset.FrameOfReferenceUID = phantom.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = ""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImageComments = "Synthetic phantom, no patient"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.KVP = "120"
    dataset.XRayTubeCurrent = "210"
    dataset.ExposureTime = "500"
    dataset.ConvolutionKernel = "B30f"
    dataset.ReconstructionDiameter = _ds(_FIELD_OF_VIEW_MM)
    dataset.GantryDetectorTilt = "0"
    if phase.delay_s is not None:
        dataset.ContrastBolusAgent = "Iodinated contrast, 350 mg/mL"
        dataset.ContrastBolusRoute = "IV"
        dataset.ContrastBolusVolume = "110"
        dataset.ContrastBolusStartTime = "100000"
        dataset.ContrastFlowRate = "4"


def _describe_pixels(dataset: Dataset, phantom: Phantom) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = phantom.rows
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = "0"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter = ["60", "40", "400"]
    dataset.WindowWidth = ["350", "180", "2000"]
    dataset.WindowCenterWidthExplanation = ["ABDOMEN", "LIVER", "BONE"]
    dataset.PixelSpacing = [_ds(phantom.pixel_spacing_mm)] * 2
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.SliceThickness = _ds(phantom.slice_spacing_mm * 1.25)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2, VR DS)."""
    return f"{value:.10g}"
