"""The opinion's PDF as a DICOM instance that lies in the study beside the images.

Encapsulated PDF Storage, PS3.3 A.45.1: Patient, General Study, Encapsulated Document Series,
General Equipment, SC Equipment, Encapsulated Document and SOP Common modules.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from server.foundation.errors import Invalid
from server.opinions.belonging import let_belong, local_time

SERIES_DESCRIPTION = "Resectability opinion"
SERIES_NUMBER = 9900  # above the numbers scanners give, so that the document is listed last

# LOINC 11488-4; the surgery consult note 34847-4 is not used because its code is not verified.
TITLE_CODE = ("11488-4", "LN", "Consult note")

# PS3.5 9.1 without its ban on leading zeros, which studies in the field break.
_UID = re.compile(r"[0-9.]{1,64}")


class OpinionNotEncapsulated(Invalid):
    """A PDF and a study cannot be made into one DICOM instance."""


def encapsulated_pdf(
    pdf: bytes,
    *,
    reference: Dataset,
    SOPInstanceUID: str,
    SeriesInstanceUID: str,
    document_title: str,
    signed_at: datetime,
    source_instances: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A Part 10 file that holds `pdf` in the study of `reference`; the same input gives the same
    bytes.

    `reference` is any instance of the study (pixels are not needed); its patient and study
    attributes are copied as they are, identity included, because the document must belong to the
    same patient. `signed_at` is aware; it is written in the study's TimezoneOffsetFromUTC where
    that is given, else in UTC. `source_instances` are pairs (SOPClassUID, SOPInstanceUID) of the
    images that the document shows (PS3.3 C.24.2, Source Instance Sequence).

    Raises OpinionNotEncapsulated when `pdf` is no PDF, a UID is not one, the reference names no
    study, or `signed_at` has no offset.
    """
    _refuse(pdf, reference, (SOPInstanceUID, SeriesInstanceUID), signed_at)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = EncapsulatedPDFStorage
    dataset.SOPInstanceUID = SOPInstanceUID
    let_belong(dataset, reference)
    dataset.Modality = "DOC"
    dataset.SeriesInstanceUID = SeriesInstanceUID
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.Manufacturer = "Margin"
    dataset.ConversionType = "WSD"  # PS3.3 C.8.6.1: made at a workstation
    _describe_document(dataset, document_title, signed_at)
    if source_instances:
        dataset.SourceInstanceSequence = DicomSequence(map(_source, source_instances))
    dataset.EncapsulatedDocumentLength = len(pdf)  # PS3.3 C.24.2: without the padding
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return _part10(dataset)


def _refuse(pdf: bytes, reference: Dataset, uids: tuple[str, ...], signed_at: datetime) -> None:
    if not pdf.startswith(b"%PDF-"):
        raise OpinionNotEncapsulated("The opinion's document is not a PDF.")
    if signed_at.utcoffset() is None:
        raise OpinionNotEncapsulated("The time of signature must say its offset from UTC.")
    for uid in (*uids, str(reference.get("StudyInstanceUID", ""))):
        if not _UID.fullmatch(uid):
            raise OpinionNotEncapsulated(f"'{uid}' is not a DICOM UID.")


def _describe_document(dataset: Dataset, title: str, signed_at: datetime) -> None:
    local = local_time(signed_at, dataset)
    dataset.InstanceNumber = 1
    dataset.ContentDate = local.strftime("%Y%m%d")
    dataset.ContentTime = local.strftime("%H%M%S")
    dataset.InstanceCreationDate = dataset.ContentDate
    dataset.InstanceCreationTime = dataset.ContentTime
    dataset.AcquisitionDateTime = ""  # type 2: the images have theirs, the document has none
    dataset.BurnedInAnnotation = "YES"
    dataset.DocumentTitle = title
    dataset.VerificationFlag = "VERIFIED"  # issued only after a surgeon signed
    value, scheme, meaning = TITLE_CODE
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    dataset.ConceptNameCodeSequence = DicomSequence([code])
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"


def _source(pair: tuple[str, str]) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = pair
    return item


def _part10(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    stream = io.BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()
