"""The images of the gateway's tests.

Mrs INSIDE has the case's study, its prior, one for writing, and one that is not of the case; Mr
OTHER has one study of another case.
"""

from __future__ import annotations

import io

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    SegmentationStorage,
)

from tests.archive.files import blank, ct_slice, written

INSIDE, OTHER_PATIENT = "INSIDE-1", "OTHER-1"
CASE, CASE_PRIOR, NOT_OF_CASE = "1.2.826.100", "1.2.826.101", "1.2.826.102"
WRITABLE = "1.2.826.103"  # a study of the case too: the one that tests write into
OTHER = "1.2.826.200"
SLICES = 5

PORTAL = f"{CASE}.1"  # Implicit VR Little Endian, as CT scanners store
DOCUMENTS = f"{CASE}.2"
COMPRESSED = f"{CASE}.3"
MULTIFRAME = f"{CASE}.4"
REPORTS = f"{CASE}.5"

PDF, CDA = f"{DOCUMENTS}.1", f"{DOCUMENTS}.2"
JPEG_LS, RLE, JPEG_2000 = f"{COMPRESSED}.1", f"{COMPRESSED}.2", f"{COMPRESSED}.3"
DEFLATED = f"{COMPRESSED}.4"
MASKS = f"{MULTIFRAME}.1"
REPORT = f"{REPORTS}.1"
PDF_BYTES = b"%PDF-1.4\n" + bytes(range(256)) * 300 + b"%%EOF\n"
MASK_FRAMES = 4


def everything() -> list[bytes]:
    """Every file, ready to store."""
    found = [ct_slice(INSIDE, CASE, PORTAL, number) for number in range(1, SLICES + 1)]
    found += [ct_slice(INSIDE, CASE_PRIOR, f"{CASE_PRIOR}.1", number) for number in (1, 2)]
    found.append(ct_slice(INSIDE, NOT_OF_CASE, f"{NOT_OF_CASE}.1", 1))
    found.append(ct_slice(INSIDE, WRITABLE, f"{WRITABLE}.1", 1))
    found += [ct_slice(OTHER_PATIENT, OTHER, f"{OTHER}.1", number) for number in (1, 2)]
    found += [document(PDF, EncapsulatedPDFStorage, PDF_BYTES, "application/pdf")]
    found += [document(CDA, EncapsulatedCDAStorage, b"<html><script>", "text/XML")]
    found += [jpeg_ls(), rle(), jpeg_2000(), deflated(), masks(), report()]
    return [*map(written, found)]


def document(uid: str, SOPClassUID: str, content: bytes, media_type: str) -> Dataset:
    dataset = blank(SOPClassUID, INSIDE, CASE, DOCUMENTS, uid)
    dataset.Modality = "DOC"
    dataset.SeriesNumber = 2
    dataset.MIMETypeOfEncapsulatedDocument = media_type
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return dataset


def _compressible(uid: str) -> Dataset:
    dataset = ct_slice(INSIDE, CASE, COMPRESSED, int(uid[-1]), ExplicitVRLittleEndian)
    dataset.SeriesNumber = 3
    return dataset


def jpeg_ls() -> Dataset:
    dataset = _compressible(JPEG_LS)
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    return dataset


def rle() -> Dataset:
    dataset = _compressible(RLE)
    dataset.compress(RLELossless, generate_instance_uid=False)
    return dataset


def jpeg_2000() -> Dataset:
    """A picture that this Orthanc cannot decode (it has no GDCM)."""
    dataset = dcmread(get_testdata_file("MR_small_jp2klossless.dcm", read=False))
    dataset.PatientID, dataset.StudyInstanceUID = INSIDE, CASE
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = COMPRESSED, JPEG_2000
    dataset.file_meta.MediaStorageSOPInstanceUID = JPEG_2000
    return dataset


def jpeg_2000_pixels() -> bytes:
    """The same picture, which the file of that name without `jp2k` holds uncompressed."""
    return bytes(dcmread(get_testdata_file("MR_small.dcm", read=False)).PixelData)


def deflated() -> Dataset:
    dataset = _compressible(DEFLATED)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


def masks() -> Dataset:
    """A binary SEG of four frames of 8 x 16 pixels."""
    dataset = segmentation(MASKS, MULTIFRAME, study=CASE)
    dataset.SeriesNumber = 4
    dataset.Rows, dataset.Columns = 8, 16
    dataset.NumberOfFrames = MASK_FRAMES
    dataset.PixelData = mask_bytes()
    return dataset


def mask_bytes() -> bytes:
    """Frame n of the masks is 16 bytes of value n."""
    return b"".join(bytes([number]) * 16 for number in range(1, MASK_FRAMES + 1))


def segmentation(uid: str, series: str, PatientID: str = INSIDE, study: str = WRITABLE) -> Dataset:
    """A small SEG, as a viewer might store it."""
    dataset = blank(SegmentationStorage, PatientID, study, series, uid)
    dataset.Modality = "SEG"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 8, 8, 1
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.SegmentationType = "BINARY"
    dataset.PixelData = np.packbits(np.eye(8, dtype=np.uint8), bitorder="little").tobytes()
    return dataset


def report() -> Dataset:
    dataset = blank(BasicTextSRStorage, INSIDE, CASE, REPORTS, REPORT)
    dataset.Modality = "SR"
    dataset.SeriesNumber = 5
    dataset.CompletionFlag, dataset.VerificationFlag = "PARTIAL", "UNVERIFIED"
    dataset.ValueType = "CONTAINER"
    dataset.ContinuityOfContent = "SEPARATE"
    return dataset


def multipart(*files: bytes, content_type: str = "application/dicom") -> tuple[bytes, str]:
    """A STOW body of these files, and its Content-Type."""
    body = io.BytesIO()
    for file in files:
        body.write(f"--edge\r\nContent-Type: {content_type}\r\n\r\n".encode() + file + b"\r\n")
    body.write(b"--edge--\r\n")
    return body.getvalue(), 'multipart/related; type="application/dicom"; boundary=edge'


def parts_of(response: object) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart answer as (headers by lower-case name, bytes)."""
    content_type = response.headers["Content-Type"]  # type: ignore[attr-defined]
    boundary = content_type.partition("boundary=")[2].encode()
    data = response.data  # type: ignore[attr-defined]
    assert data.startswith(b"--" + boundary + b"\r\n")
    assert data.endswith(b"\r\n--" + boundary + b"--\r\n")
    found = []
    for piece in (b"\r\n" + data).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        found.append(({name.lower(): value for name, value in lines}, content))
    return found
