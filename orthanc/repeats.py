"""Inside Orthanc: refuses by C-STORE an image that comes again with other content, or made to do harm.

Orthanc keeps the first image of a SOPInstanceUID and answers "success" to every later one, whatever is
in it; the sender would believe that what it sent is here. This looks before Orthanc does. The same file
once more is taken as always; a file with other content gets a failure status, and one line in the log
tells Margin's worker of it (`server.intake.lines.orthanc_log`), which has the study held for a person.
Where another association is just bringing the first one, it waits until Orthanc has stored that. A stored
file that the disk changed or lost makes room for the one that comes again, and a line in the log says how
far the two could be compared. As long as the stored file cannot be read, whatever comes again is refused
for the moment: nobody is told that it is here.

Sequences that lie in each other too deep are refused too: the first question about such an image would
end Orthanc, and every later one again. And what an upload refuses is refused here: pixels shorter than the
header says, a picture as large as none is, a PDF that is a web page. Were it stored, the whole image would
be refused when it comes.

Loaded by Orthanc's Python plugin (`PythonScript`), which finds `encoded` in the same folder; nothing but
the standard library is used. Whatever goes wrong in here, an image that is new is let through to Orthanc as
if this did not exist.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time

from encoded import (
    NotPlain,
    Outline,
    behind_head_of,
    dataset_offset,
    fault_of,
    inflated,
    is_too_deep,
    outline,
    same_values,
    transfer_syntax,
)

import orthanc

TAKEN = 0x0000
# PS3.4 table B.2-1: Cxxx, "Cannot understand". There is no status of C-STORE for a UID that is taken.
OTHER_CONTENT = 0xC111
TOO_DEEP = 0xC112
FAULTY = 0xC113
# PS3.4 table B.2-1: A7xx, "Out of Resources". The sender may try again.
NOT_NOW = 0xA700
# First arguments of an OrthancException. The second is what every answer 400 becomes, another MD5 too.
NO_REGULAR_FILE, UNKNOWN_RESOURCE = 2006, 17
SOUND, OTHER_BYTES, GONE = "sound", "other bytes", "gone"
# A disk that is being mounted gives other bytes, or none, for a moment: seconds between the questions.
ASKED_AGAIN_AFTER_S = (0.5, 1.5)
# How what takes a damaged file's place was compared with it: proven to be what was received; alike in what
# is said beside the pixels; not at all, because nothing of the file was left.
SAME, ALIKE, UNSEEN = "same", "alike", "unseen"
# How long an image that was let through may take until Orthanc has it; after that it is taken for lost.
STORING_LIMIT_S = 10.0
LOOK_AGAIN_S = 0.02
# What a copy in another transfer syntax may say differently, by name of `simplified-tags`.
OF_THE_SYNTAX = frozenset(
    {
        "GenericGroupLength",
        "PrivateGroupLength",
        "PixelData",
        "LossyImageCompression",
        "LossyImageCompressionMethod",
        "LossyImageCompressionRatio",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "DataSetTrailingPadding",
    }
)
# What of two files in one transfer syntax is of no significance where every text reads the same.
OF_THE_PADDING = frozenset(
    {"GenericGroupLength", "PrivateGroupLength", "SpecificCharacterSet", "DataSetTrailingPadding"}
)
IDENTIFIERS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class OnTheirWay:
    """The images that were let through and that Orthanc may not have stored yet.

    Orthanc serves an association in one thread and stores an image before that thread brings the next
    one, so each thread has one image on its way at most.
    """

    def __init__(self) -> None:
        self._by_thread: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def enters(self, instance_id: str) -> bool:
        """Note the image as this thread's; False, and nothing noted, when another thread brings it too."""
        now, own = time.monotonic(), threading.get_ident()
        with self._lock:
            for thread, (other_id, since) in self._by_thread.items():
                is_recent = now - since < STORING_LIMIT_S
                if thread != own and other_id == instance_id and is_recent:
                    return False
            self._by_thread[own] = (instance_id, now)
            return True


on_their_way = OnTheirWay()


def orthanc_id(identifiers: list[str]) -> str:
    """Orthanc's own identifier of what these DICOM identifiers name, from the patient downwards."""
    text = "|".join(one.strip() for one in identifiers)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))


def stored_md5(instance_id: str) -> str:
    """MD5 of the stored file; empty when there is no such instance."""
    try:
        return str(orthanc.RestApiGet(f"/instances/{instance_id}/attachments/dicom/md5").decode())
    except orthanc.OrthancException:
        return ""


def md5_of_the_first(instance_id: str) -> str:
    """MD5 of the stored file with these identifiers, which another association may be about to store; empty
    when this image is the first."""
    while True:
        # In this order: what another thread stored before it left is seen by the question that follows.
        is_first = on_their_way.enters(instance_id)
        kept = stored_md5(instance_id)
        if kept or is_first:
            return kept
        time.sleep(LOOK_AGAIN_S)


def outline_of(file: bytes) -> Outline | None:
    """What a walk over the top of the dataset finds; None where that is not to be relied on."""
    try:
        return outline(file)
    except NotPlain:
        return None


def tags_of(received: orthanc.DicomInstance) -> dict[str, object]:
    """What the image says by Orthanc's own reading, as `simplified-tags` are."""
    tags: dict[str, object] = json.loads(received.GetInstanceSimplifiedJson())
    return tags


def identifiers_of(received: orthanc.DicomInstance, found: Outline | None) -> list[str]:
    """PatientID and the UIDs of study, series and instance. Orthanc's reading is asked only where the
    bytes do not say them plainly: it takes longer than everything else here."""
    if found is not None:
        try:
            return found.identifiers()
        except NotPlain:
            pass
    tags = tags_of(received)
    return [str(tags.get(name) or "") for name in IDENTIFIERS]


def is_another(file: bytes, received: orthanc.DicomInstance, instance_id: str) -> bool:
    """Whether the file says something else than the one that is stored under the same identifiers."""
    stored = orthanc.RestApiGet(f"/instances/{instance_id}/file")
    if file[dataset_offset(file) :] == stored[dataset_offset(stored) :]:
        return False
    may_differ = OF_THE_SYNTAX
    if transfer_syntax(file) == transfer_syntax(stored):
        if not _differ_in_padding_alone(inflated(file), inflated(stored)):
            return True
        may_differ = OF_THE_PADDING
    # Packed in another way: its pixels cannot be compared here, what is said beside them can.
    return not says_the_same(received, instance_id, may_differ)


def says_the_same(
    received: orthanc.DicomInstance, instance_id: str, may_differ: frozenset[str] = OF_THE_SYNTAX
) -> bool:
    """Whether the image says beside its pixels what the stored one does."""
    said = json.loads(orthanc.RestApiGet(f"/instances/{instance_id}/simplified-tags"))
    return {k: v for k, v in said.items() if k not in may_differ} == {
        k: v for k, v in tags_of(received).items() if k not in may_differ
    }


def on_disk(instance_id: str) -> str:
    """Whether the stored file is what was received: SOUND, OTHER_BYTES or GONE. Raises OrthancException
    when it cannot be read now."""
    found = _verified(instance_id)
    for seconds in ASKED_AGAIN_AFTER_S:
        if found == SOUND:
            break
        time.sleep(seconds)
        found = _verified(instance_id)
    if isinstance(found, orthanc.OrthancException):
        raise found
    return found


def _verified(instance_id: str) -> str | orthanc.OrthancException:
    try:
        orthanc.RestApiPost(f"/instances/{instance_id}/attachments/dicom/verify-md5", b"")
    except orthanc.OrthancException as problem:
        return {NO_REGULAR_FILE: GONE, UNKNOWN_RESOURCE: OTHER_BYTES}.get(problem.args[0], problem)
    return SOUND


def put_in_place(
    file: bytes, received: orthanc.DicomInstance, instance_id: str, state: str, kept: str
) -> str:
    """How the image was compared with the stored file of MD5 `kept`, which is OTHER_BYTES or GONE, if it
    may take its place: SAME, ALIKE or UNSEEN; empty if not."""
    if md5_of(file) == kept:
        return SAME
    if state == GONE:
        return UNSEEN
    stored = orthanc.RestApiGet(f"/instances/{instance_id}/file")
    if md5_of(behind_head_of(stored, file)) == kept:
        return SAME
    return ALIKE if says_the_same(received, instance_id) else ""


def md5_of(file: bytes) -> str:
    """MD5 in hexadecimal, as Orthanc notes it of what it stores."""
    return hashlib.md5(file, usedforsecurity=False).hexdigest()


def _differ_in_padding_alone(file: bytes, stored: bytes) -> bool:
    """Whether the bytes differ at most in padding and in the name of the character set."""
    try:
        return same_values(file, stored)
    except NotPlain:
        return False


def caller_of(received: orthanc.DicomInstance) -> str:
    """The calling AE title as it can stand between quotes in one line."""
    return "".join(c for c in received.GetInstanceRemoteAet() if c.isprintable() and c != '"')


def judged(received: orthanc.DicomInstance) -> int:
    """The DIMSE status for an image on its way in: TAKEN, OTHER_CONTENT, TOO_DEEP, FAULTY or NOT_NOW."""
    file = received.GetInstanceData()
    plain = inflated(file)
    found = outline_of(plain)
    if is_too_deep(plain, found.may_nest if found else None):
        orthanc.LogWarning(f'MARGIN too deep by="{caller_of(received)}"')
        return TOO_DEEP
    identifiers = identifiers_of(received, found)
    instance_id = orthanc_id(identifiers)
    fault = fault_of(plain, found) if found is not None else ""
    if fault and not stored_md5(instance_id):
        tell(received, f"faulty why={fault}", identifiers)
        return FAULTY
    kept = md5_of_the_first(instance_id)
    if not kept:
        return TAKEN
    try:
        return judged_again(file, received, identifiers, kept)
    except Exception as problem:
        # Were it taken, Orthanc would answer "success" and keep whatever lies there.
        orthanc.LogError(f"MARGIN cannot compare an image now: {type(problem).__name__}")
        return NOT_NOW


def judged_again(
    file: bytes, received: orthanc.DicomInstance, identifiers: list[str], kept: str
) -> int:
    """The DIMSE status for an image that is here already, under the MD5 `kept`: TAKEN or OTHER_CONTENT."""
    instance_id = orthanc_id(identifiers)
    state = on_disk(instance_id)
    if state != SOUND:
        how = put_in_place(file, received, instance_id, state, kept)
        if how:
            orthanc.RestApiDelete(f"/instances/{instance_id}")
            tell(received, f"replaced how={how}", identifiers)
            return TAKEN
    if md5_of(file) == kept or not is_another(file, received, instance_id):
        return TAKEN
    tell(received, "repeated", identifiers)
    return OTHER_CONTENT


def tell(received: orthanc.DicomInstance, what: str, identifiers: list[str]) -> None:
    """One line in the log about an image that is refused, or that takes another's place."""
    orthanc.LogWarning(
        f"MARGIN {what} instance={orthanc_id(identifiers)} study={orthanc_id(identifiers[:2])} "
        f'md5={md5_of(received.GetInstanceData())} by="{caller_of(received)}"'
    )


def look(received: orthanc.DicomInstance) -> int:
    """What Orthanc calls for every image that comes by C-STORE; never an exception."""
    try:
        return judged(received)
    except Exception as problem:
        orthanc.LogError(f"MARGIN could not look at an image: {type(problem).__name__}")
        return TAKEN


orthanc.RegisterIncomingCStoreInstanceFilter(look)
