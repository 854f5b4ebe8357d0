"""STOW-RS (PS3.18 10.5): what a reader draws or measures comes back into the case's studies."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from flask import Response, json, request
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from werkzeug.http import parse_options_header

from server.access.permissions import Action
from server.archive import ArchiveFailed, RefusedByArchive
from server.dicomweb.accept import DICOM, JSON, MULTIPART, choose
from server.dicomweb.multipart import PartReader, Received
from server.dicomweb.scope import UID, Pass, inside, wishes
from server.foundation.errors import BadRequest, Refused, UnsupportedMedia

LARGEST_PART_BYTES = (
    256_000_000  # a segmentation of 2,000 slices of 512 x 512, uncompressed, is 66 MB
)
MOST_PARTS = 1000
PREAMBLE_BYTES = 128  # PS3.10 7.1

# What may be written back: PS3.4 B.5. Images come by C-STORE from a hospital, never this way.
SR, SEG, KO, PR = "SR", "SEG", "KO", "PR"
STORABLE = {
    "1.2.840.10008.5.1.4.1.1.88.11": SR,  # Basic Text SR
    "1.2.840.10008.5.1.4.1.1.88.22": SR,  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.33": SR,  # Comprehensive SR
    "1.2.840.10008.5.1.4.1.1.88.34": SR,  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.88.35": SR,  # Extensible SR
    "1.2.840.10008.5.1.4.1.1.88.59": KO,  # Key Object Selection Document
    "1.2.840.10008.5.1.4.1.1.66.4": SEG,  # Segmentation
    "1.2.840.10008.5.1.4.1.1.66.7": SEG,  # Label Map Segmentation
    "1.2.840.10008.5.1.4.1.1.11.1": PR,  # Grayscale Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.11.2": PR,  # Color Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.11.3": PR,  # Pseudo-Color Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.11.4": PR,  # Blending Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.11.8": PR,  # Advanced Blending Presentation State
}

# PS3.18 I.2 (Failure Reason); the codes are those of PS3.4 GG.4.2 and PS3.7 Annex C.
PROCESSING_FAILURE = 0x0110
DUPLICATE_INSTANCE = 0x0111
CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORISED = 0x0124
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000


class MayNotStore(Refused):
    """The grant does not permit to write into the case's studies."""


@dataclass(frozen=True)
class Outcome:
    """What became of one part: stored when `failure` is 0, else a Failure Reason (0008,1197).

    A part that could not be read has no UIDs; it is reported in the Other Failures Sequence.
    """

    SOPClassUID: str = ""
    SOPInstanceUID: str = ""
    path: str = ""
    failure: int = 0


def store(pass_: Pass, study: str | None = None) -> Response:
    """`POST /studies` and `POST /studies/<study>`: SR, SEG, KO and PR, each part judged by itself.

    200 when all were stored, 202 when some were, 409 when none was, always with the response
    dataset.
    """
    if study is not None:
        inside(pass_, study)
    if not pass_.scope.may(Action.IMAGES_WRITE):
        raise MayNotStore("This access does not permit to store anything.")
    choose(wishes(), (JSON, "application/json"))
    outcomes = [_take(pass_, study, part) for part in _parts()]
    if not outcomes:
        raise BadRequest("The multipart body has no part.")
    stored = [outcome for outcome in outcomes if not outcome.failure]
    status = 200 if len(stored) == len(outcomes) else 202 if stored else 409
    body = json.dumps(_report(pass_.prefix, study, outcomes))
    return Response(body, status=status, content_type=JSON, headers={"Cache-Control": "no-store"})


def _parts() -> Iterator[Received]:
    media_type, parameters = parse_options_header(request.headers.get("Content-Type"))
    kind = parameters.get("type", DICOM).lower()
    if media_type.lower() != MULTIPART or kind != DICOM:
        raise UnsupportedMedia(
            "Only DICOM files in a multipart body are taken here.",
            remedy=f'Send {MULTIPART}; type="{DICOM}"; boundary=….',
        )
    reader = PartReader(
        request.stream, parameters.get("boundary", ""), most_bytes=LARGEST_PART_BYTES
    )
    for count, part in enumerate(reader, start=1):
        if count > MOST_PARTS:
            raise BadRequest(f"At most {MOST_PARTS} instances are taken at once.")
        yield part


def _take(pass_: Pass, study: str | None, part: Received) -> Outcome:
    """Judges one part and stores it if it may be."""
    header = _header(part)
    if header is None:
        return Outcome(failure=CANNOT_UNDERSTAND)
    named = Outcome(str(header.SOPClassUID), str(header.SOPInstanceUID))
    failure = _objection(pass_, study, header)
    if failure:
        return Outcome(named.SOPClassUID, named.SOPInstanceUID, failure=failure)
    md5 = _clean_preamble(part.file)
    try:
        stored = pass_.archive.store_instance(part.file, size_bytes=part.size_bytes, by=pass_.actor)
    except (RefusedByArchive, ArchiveFailed) as error:
        refused = isinstance(error, RefusedByArchive)
        failure = CANNOT_UNDERSTAND if refused else PROCESSING_FAILURE
        return Outcome(named.SOPClassUID, named.SOPInstanceUID, failure=failure)
    other = stored.status == "AlreadyStored" and (
        pass_.archive.instance_md5(stored.orthanc_id) != md5
    )
    path = f"/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
    return Outcome(
        named.SOPClassUID,
        named.SOPInstanceUID,
        f"{path}/instances/{header.SOPInstanceUID}",
        DUPLICATE_INSTANCE if other else 0,
    )


_IDENTIFIERS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
]


def _header(part: Received) -> Dataset | None:
    """The identifiers of a part, or None when it is not a DICOM file that has them all."""
    if parse_options_header(part.content_type)[0].lower() != DICOM:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = dcmread(part.file, stop_before_pixels=True, specific_tags=list(_IDENTIFIERS))
            uids = [str(header[name].value) for name in _IDENTIFIERS[:4]]
    except (InvalidDicomError, AttributeError, EOFError, KeyError, OSError, TypeError, ValueError):
        return None
    finally:
        part.file.seek(0)
    return header if all(UID.fullmatch(uid) for uid in uids) else None


def _objection(pass_: Pass, study: str | None, header: Dataset) -> int:
    """Why this instance may not be stored, as a Failure Reason; 0 when it may.

    A study beyond the grant is refused in the same way whether the archive holds it or not. So is
    one that the archive does not hold: nobody opens a new study from here. The PatientID must be
    the study's, or Orthanc would make another study of the same UID.
    """
    uid = str(header.StudyInstanceUID)
    if not pass_.scope.allows_study(uid):
        return NOT_AUTHORISED
    if study not in (None, uid):
        return DOES_NOT_MATCH
    if str(header.SOPClassUID) not in STORABLE:
        return CLASS_NOT_SUPPORTED
    if str(header.get("PatientID", "") or "").strip() not in pass_.archive.patient_ids(uid):
        return DOES_NOT_MATCH if pass_.archive.patient_ids(uid) else NOT_AUTHORISED
    return 0


def _clean_preamble(file: BinaryIO) -> str:
    """Empties the preamble, in which a program could hide (CVE-2019-11687); the file's MD5 then."""
    file.write(bytes(PREAMBLE_BYTES))
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while piece := file.read(1024 * 1024):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _report(base: str, study: str | None, outcomes: list[Outcome]) -> dict[str, Any]:
    """The Store Instances Response Module (PS3.18 Table I.1-1) in the DICOM JSON Model."""
    stored = [_item(one, base) for one in outcomes if not one.failure]
    failed = [_item(one, base) for one in outcomes if one.failure and one.SOPInstanceUID]
    others = [_item(one, base) for one in outcomes if one.failure and not one.SOPInstanceUID]
    report: dict[str, Any] = {}
    if study is not None and stored:
        report["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{study}"]}
    for tag, items in (("00081198", failed), ("00081199", stored), ("0008119A", others)):
        if items:
            report[tag] = {"vr": "SQ", "Value": items}
    return report


def _item(outcome: Outcome, base: str) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if outcome.SOPInstanceUID:
        item["00081150"] = {"vr": "UI", "Value": [outcome.SOPClassUID]}
        item["00081155"] = {"vr": "UI", "Value": [outcome.SOPInstanceUID]}
    if outcome.failure:
        item["00081197"] = {"vr": "US", "Value": [outcome.failure]}
    else:
        item["00081190"] = {"vr": "UR", "Value": [base + outcome.path]}
    return item
