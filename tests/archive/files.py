"""Small DICOM files made for tests, in memory."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

ROWS, COLUMNS = 24, 32


def written(dataset: Dataset) -> bytes:
    """The dataset as a DICOM file."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def blank(
    SOPClassUID: str,
    PatientID: str,
    study: str,
    series: str,
    instance: str,
    syntax: UID = ExplicitVRLittleEndian,
) -> Dataset:
    """An instance with its identifiers and nothing else."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = UID(SOPClassUID)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(instance)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SOPClassUID
    dataset.SOPInstanceUID = instance
    dataset.PatientID = PatientID
    dataset.PatientName = f"Phantom^{PatientID.strip()}"
    dataset.PatientBirthDate = "19600101"
    dataset.PatientSex = "F"
    dataset.StudyInstanceUID = study
    dataset.StudyDate = "20260102"
    dataset.StudyTime = "101112"
    dataset.StudyID = "7"
    dataset.AccessionNumber = f"ACC-{study[-3:]}"
    dataset.StudyDescription = "CT of the upper abdomen"
    dataset.ReferringPhysicianName = ""
    dataset.SeriesInstanceUID = series
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    return dataset


def pixels(number: int, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.int16]:
    """A picture of its own for each number: shape (rows, columns), stored values, signed."""
    slope = np.add.outer(np.arange(rows), np.arange(columns))
    return (slope * 7 + number * 11 - 100).astype(np.int16)


def ct_slice(
    PatientID: str,
    study: str,
    series: str,
    number: int,
    syntax: UID = ImplicitVRLittleEndian,
    rows: int = ROWS,
    columns: int = COLUMNS,
) -> Dataset:
    """One axial slice, `number` mm above the first; its pixels are `pixels(number)`."""
    dataset = blank(CTImageStorage, PatientID, study, series, f"{series}.{number}", syntax)
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = number
    dataset.FrameOfReferenceUID = f"{study}.9"
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = [0.75, 0.75]
    dataset.SliceThickness = 1
    dataset.ImagePositionPatient = [0, 0, number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.KVP = 120
    dataset.AcquisitionNumber = 1
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.PixelData = pixels(number, rows, columns).tobytes()
    return dataset
