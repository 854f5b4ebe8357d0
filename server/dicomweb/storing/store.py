"""STOW-RS (PS3.18 10.5): what a reader draws or measures comes back into the case's studies."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, BinaryIO

from flask import Response, json
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from server.access.action import Action
from server.archive import ArchiveFailed, NotInArchive, RefusedByArchive
from server.dicom.files import clear_preamble
from server.dicom.nesting import why_not_read
from server.dicomweb.media.accept import JSON, choose
from server.dicomweb.query.attributes import value_of
from server.dicomweb.storing.sent import (
    CANNOT_UNDERSTAND,
    CLASS_NOT_SUPPORTED,
    DOES_NOT_MATCH,
    DUPLICATE_INSTANCE,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    Sent,
    sent_files,
)
from server.dicomweb.views.scope import UID, Pass, inside, wishes
from server.foundation.errors import BadRequest, Refused

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
    media_type = choose(wishes(), (JSON, "application/json"))
    outcomes = [_take(pass_, study, one) for one in sent_files()]
    if not outcomes:
        raise BadRequest("The body has no instance in it.")
    stored = [outcome for outcome in outcomes if not outcome.failure]
    status = 200 if len(stored) == len(outcomes) else 202 if stored else 409
    shown = None if study is None else pass_.view.shown(study)
    body = json.dumps(_report(pass_.prefix, shown, outcomes))
    headers = {"Cache-Control": "no-store"}
    return Response(body, status=status, content_type=media_type, headers=headers)


def _take(pass_: Pass, study: str | None, sent: Sent) -> Outcome:
    """Judges one instance and stores it if it may be."""
    if sent.failure:
        return Outcome(sent.SOPClassUID, sent.SOPInstanceUID, failure=sent.failure)
    shown = _header(sent.file)
    if shown is None:
        return Outcome(failure=CANNOT_UNDERSTAND)
    named = Outcome(
        str(shown.SOPClassUID),
        str(shown.SOPInstanceUID),
        f"/studies/{shown.StudyInstanceUID}/series/{shown.SeriesInstanceUID}"
        f"/instances/{shown.SOPInstanceUID}",
    )
    if pass_.view.real(str(shown.StudyInstanceUID)) is None:
        return replace(named, failure=NOT_AUTHORISED)
    meant = _as_the_archive_keeps_it(pass_, sent)
    header = None if meant is None else _header(meant.file)
    if meant is None or header is None:
        return replace(named, failure=CANNOT_UNDERSTAND)
    named = replace(named, path=_path_shown(pass_, header))
    failure = _objection(pass_, study, header) or _damage(meant.file) or _claim(pass_, header)
    if failure:
        return replace(named, failure=failure)
    pass_.note_written(str(header.SOPInstanceUID), str(header.SeriesInstanceUID))
    return replace(named, failure=_keep(pass_, meant, str(header.StudyInstanceUID)))


def _path_shown(pass_: Pass, header: Dataset) -> str:
    """Where this caller finds the instance: under pseudonyms its new UIDs are shown as others."""
    uids = header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID
    study, series, instance = (pass_.view.shown(str(uid)) for uid in uids)
    return f"/studies/{study}/series/{series}/instances/{instance}"


def _as_the_archive_keeps_it(pass_: Pass, sent: Sent) -> Sent | None:
    """The instance under the archive's own UIDs; None when it cannot be written so."""
    if not pass_.view.pseudonymised:
        return sent
    try:
        data = pass_.view.incoming(sent.file.read())
    except (InvalidDicomError, AttributeError, EOFError, KeyError, OSError, TypeError, ValueError):
        return None
    return Sent(io.BytesIO(data), len(data))


def _keep(pass_: Pass, sent: Sent, study: str) -> int:
    """Stores a file; a Failure Reason, 0 when it is stored."""
    md5 = _clean_preamble(sent.file)
    try:
        stored = pass_.archive.store_instance(sent.file, size_bytes=sent.size_bytes, by=pass_.actor)
    except RefusedByArchive:
        return CANNOT_UNDERSTAND
    except ArchiveFailed as error:
        full = error.status_of_archive in (HTTPStatus.INSUFFICIENT_STORAGE, 413)
        return OUT_OF_RESOURCES if full else PROCESSING_FAILURE
    pass_.holdings.forget(study)
    other = stored.status == "AlreadyStored" and (
        pass_.archive.instance_md5(stored.orthanc_id) != md5
    )
    return DUPLICATE_INSTANCE if other else 0


_IDENTIFIERS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
]
_PLACE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def _header(file: BinaryIO) -> Dataset | None:
    """The identifiers of a file, or None when it is not a DICOM file that has them all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = dcmread(file, stop_before_pixels=True, specific_tags=list(_IDENTIFIERS))
            uids = [str(header[name].value) for name in _IDENTIFIERS[:4]]
    except (InvalidDicomError, AttributeError, EOFError, KeyError, OSError, TypeError, ValueError):
        return None
    finally:
        file.seek(0)
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


def _damage(file: BinaryIO) -> int:
    """A Failure Reason for a file whose sequences would harm the archive's parser, else 0."""
    problem = why_not_read(file)
    file.seek(0)
    return CANNOT_UNDERSTAND if problem else 0


def _claim(pass_: Pass, header: Dataset) -> int:
    """Why this instance may not bear its UIDs, as a Failure Reason; 0 when it may.

    What somebody writes is kept from the others while a panel votes. So nobody may put theirs under
    the UID of an image, or into a series that is not theirs: that would be kept from them as well.
    """
    study, series, instance = (str(header[name].value) for name in _PLACE)
    place = {"0020000D": study, "0020000E": series}
    for uid in {study, *(pass_.scope.study_uids() or ())}:
        found = pass_.archive.dicomweb_json(f"/studies/{uid}/instances", {"00080018": instance})
        if any(value_of(one, tag) != known for one in found for tag, known in place.items()):
            return DUPLICATE_INSTANCE
    if pass_.may_go_on_with(series):
        return 0
    return NOT_AUTHORISED if _is_there(pass_, study, series) else 0


def _is_there(pass_: Pass, study: str, series: str) -> bool:
    for orthanc_id in pass_.archive.candidates(study, series):
        with contextlib.suppress(NotInArchive):
            return bool(pass_.archive.series(orthanc_id))
    return False


def _clean_preamble(file: BinaryIO) -> str:
    """Empties the preamble, in which a program could hide (CVE-2019-11687); the file's MD5 then."""
    clear_preamble(file)
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
