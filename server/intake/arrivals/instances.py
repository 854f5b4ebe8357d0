"""Whether an uploaded DICOM file may go into the archive, judged without decoding a pixel.

The archive parses what it is given with a parser of its own: what would break that one (sequences a
thousand deep, pixel data that is not there) is turned away here.
"""

from __future__ import annotations

import hashlib
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from server.dicom.files import Accepted, FileHead, RefusedFile, read_head, read_part10
from server.dicom.nesting import DEFERRED_FROM_BYTES, TOO_DEEP, why_not_read
from server.dicom.transfer_syntaxes import DEFLATED
from server.intake.uploads.kinds import HEAD_BYTES, is_pdf

# 65,535 rows and columns are what the attributes can say (PS3.3 C.7.6.3, US); no scanner comes near.
MOST_PIXEL_BYTES: Final = 32_000_000_000
# Whoever reads a deflated file holds all of it in memory, the archive several times (orthanc/README.md).
MOST_INFLATED_BYTES: Final = 256_000_000
INFLATES_TO_MORE: Final = (
    "It is deflated and becomes more than 256 MB when it is unpacked. Send it as it was before."
)
NO_PDF: Final = "Its document says that it is a PDF and is none. Print it to a PDF anew."
TOO_SHORT: Final = "Its pixel data is shorter than its header says: the file is cut off or damaged."
# Images that are nothing without pixels, as `orthanc/encoded.py` has them.
IMAGES: Final = frozenset(
    {
        CTImageStorage,
        EnhancedCTImageStorage,
        MRImageStorage,
        EnhancedMRImageStorage,
        PositronEmissionTomographyImageStorage,
        EnhancedPETImageStorage,
    }
)
_PIXEL_DATA: Final = 0x7FE00010
_UNDEFINED: Final = 0xFFFFFFFF
_PIECE_BYTES: Final = 1 << 20
# PS3.5 A.5, A.7 and A.8: the two of JPIP are deflated from end to end as well.
_DEFLATED: Final = frozenset({DEFLATED, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
# Private transfer syntax of GE's archives: pixels big endian, header implicit little endian.
_KNOWN_PRIVATE: Final = frozenset({"1.2.840.113619.5.2"})


@dataclass(frozen=True)
class Instance:
    """An instance that may be stored."""

    PatientID: str
    StudyInstanceUID: str
    SeriesInstanceUID: str
    SOPInstanceUID: str
    Modality: str


def check_instance(path: Path, name: str) -> Instance | RefusedFile:
    """The identifiers of a DICOM file that may be stored, or why it is refused."""
    with warnings.catch_warnings():
        # Values that are not as the standard wants them are tolerated here, not told to a log.
        warnings.simplefilter("ignore")
        return _checked(path, name)


def _checked(path: Path, name: str) -> Instance | RefusedFile:
    head = read_head(path, name)
    if not isinstance(head, RefusedFile) and inflates_to_more(path, head):
        return RefusedFile(name, INFLATES_TO_MORE)
    accepted = read_part10(path, name)
    if isinstance(accepted, RefusedFile):
        return _in_plain_words(accepted)
    problem = (
        _why_syntax(accepted)
        or why_not_read(path)
        or _why_pixels(accepted, path)
        or _why_document(accepted, path)
    )
    if problem:
        return RefusedFile(name, problem)
    header = accepted.header
    return Instance(
        PatientID=str(header.get("PatientID") or "").strip(),
        StudyInstanceUID=str(header.StudyInstanceUID),
        SeriesInstanceUID=str(header.SeriesInstanceUID),
        SOPInstanceUID=str(header.SOPInstanceUID),
        Modality=str(header.get("Modality") or "").strip()[:16],
    )


def inflates_to_more(path: Path, head: FileHead) -> bool:
    """Whether a deflated file (PS3.5 A.5) becomes larger than MOST_INFLATED_BYTES; none of it is kept."""
    if head.TransferSyntaxUID not in _DEFLATED:
        return False
    unpacker, size_bytes = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(head.dataset_offset)
        packed = file.read(_PIECE_BYTES)
        while packed and not unpacker.eof and size_bytes <= MOST_INFLATED_BYTES:
            try:
                size_bytes += len(unpacker.decompress(packed, _PIECE_BYTES))
            except zlib.error:
                return False  # whoever reads it says what is wrong with it
            packed = unpacker.unconsumed_tail or file.read(_PIECE_BYTES)
    return size_bytes > MOST_INFLATED_BYTES


def _in_plain_words(refused: RefusedFile) -> RefusedFile:
    if "recursion" in refused.reason:
        return RefusedFile(refused.name, TOO_DEEP)
    return refused


def _why_syntax(accepted: Accepted) -> str:
    syntax = UID(accepted.head.TransferSyntaxUID)
    if syntax in _KNOWN_PRIVATE:
        return ""
    if syntax.is_private or not syntax.is_transfer_syntax:
        return f"Its transfer syntax {syntax} is not a known one, so nobody could read its pixels."
    if syntax.is_implicit_VR != accepted.header.original_encoding[0]:
        return "It is written in another transfer syntax than its File Meta Information says."
    return ""


def _why_pixels(accepted: Accepted, path: Path) -> str:
    """Whether the picture is as large as the header says."""
    header = accepted.header
    raw: Any = dcmread(path, defer_size=DEFERRED_FROM_BYTES, specific_tags=["PixelData"]).get_item(
        _PIXEL_DATA
    )
    if raw is None and header.SOPClassUID in IMAGES:
        return TOO_SHORT
    try:
        rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
        frames = int(header.get("NumberOfFrames") or 1)
        samples = int(header.get("SamplesPerPixel") or 1)
        bits = int(header.get("BitsAllocated") or 0)
    except (TypeError, ValueError):
        return "The size of its picture is not given in numbers."
    if not (rows and columns and bits):
        return ""
    if frames < 1 or samples < 1:
        return "It says that it has no frame or no sample."
    wanted = (rows * columns * frames * samples * bits + 7) // 8
    if wanted > MOST_PIXEL_BYTES:
        return f"It says that its picture is {columns} x {rows} x {frames}: no scanner makes that."
    if raw is None:
        return ""
    syntax = UID(accepted.head.TransferSyntaxUID)
    encapsulated = syntax.is_encapsulated
    length = getattr(raw, "length", None)
    if length is None:
        return ""
    if encapsulated != (length == _UNDEFINED):
        return "Its pixels are stored in another way than its transfer syntax says."
    # Places in what is deflated are counted after it was inflated; where that is cut, it cannot be read.
    is_counted = not encapsulated and not syntax.is_deflated
    cut = is_counted and raw.value_tell + length > accepted.head.size_bytes
    if cut:
        return "The file is cut off in the middle of its pixels. Send it again."
    if not encapsulated and _photometric(header) != "YBR_FULL_422" and length < wanted:
        return TOO_SHORT
    return ""


def _why_document(accepted: Accepted, path: Path) -> str:
    """Whether an encapsulated PDF is one (PS3.3 C.24.2); the end of it is the writer's own affair."""
    if accepted.header.get("SOPClassUID") != EncapsulatedPDFStorage:
        return ""
    dataset = dcmread(path, specific_tags=["EncapsulatedDocument"])
    head = bytes(dataset.get("EncapsulatedDocument") or b"")[:HEAD_BYTES]
    return "" if is_pdf(head) or not head else NO_PDF


def _photometric(header: Dataset) -> str:
    return str(header.get("PhotometricInterpretation") or "")


def md5_of(path: Path) -> str:
    """MD5 of a file in hexadecimal, as the archive knows what it stores."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
