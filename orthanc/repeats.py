"""Inside Orthanc: refuses by C-STORE an image that comes again with other content, or made to do harm.

Orthanc keeps the first image of a SOPInstanceUID and answers "success" to every later one, whatever is
in it; the sender would believe that what it sent is here. This looks before Orthanc does. The same file
once more is taken as always; a file with other content gets a failure status, and one line in the log
tells Margin's worker of it (`server.intake.lines.orthanc_log`), which has the study held for a person.

Sequences that lie in each other too deep are refused too: the first question about such an image would
end Orthanc, and every later one again.

Loaded by Orthanc's Python plugin (`PythonScript`); it uses nothing but the standard library. Whatever
goes wrong in here, the image is let through to Orthanc as if this did not exist.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib

import orthanc

TAKEN = 0x0000
# PS3.4 table B.2-1: Cxxx, "Cannot understand". There is no status of C-STORE for a UID that is taken.
OTHER_CONTENT = 0xC111
TOO_DEEP = 0xC112
# As for uploads. The threads with which Orthanc answers by HTTP have so small a stack that telling the
# attributes of an image 60 deep ends the process (measured, 1.10.1).
MOST_DEEP = 32
MOST_INFLATED_BYTES = 256_000_000
UNDEFINED = 0xFFFFFFFF
BIG_ENDIAN, DEFLATED = b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"
# Item and Item Delimitation Item, PS3.5 7.5.1; the four bytes behind them are the length.
ITEM = {"little": b"\xfe\xff\x00\xe0", "big": b"\xff\xfe\xe0\x00"}
MARKS = {
    "little": re.compile(rb"\xfe\xff(?:\x00|(?P<end>\x0d))\xe0(?P<length>.{4})", re.DOTALL),
    "big": re.compile(rb"\xff\xfe\xe0(?:\x00|(?P<end>\x0d))(?P<length>.{4})", re.DOTALL),
}
PREAMBLE_BYTES = 132
LONG_FORMS = (
    b"OB",
    b"OW",
    b"SQ",
    b"UN",
    b"UT",
    b"OD",
    b"OF",
    b"OL",
    b"OV",
    b"UC",
    b"UR",
)  # PS3.5 7.1.2
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
IDENTIFIERS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def dataset_offset(file: bytes) -> int:
    """Where the dataset begins: behind the File Meta Information (PS3.10 7.1)."""
    at = PREAMBLE_BYTES if file[128:PREAMBLE_BYTES] == b"DICM" else 0
    while file[at : at + 2] == b"\x02\x00":
        if file[at + 4 : at + 6] in LONG_FORMS:
            at += 12 + int.from_bytes(file[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(file[at + 6 : at + 8], "little")
    return at


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


def is_another(file: bytes, tags: dict[str, object], instance_id: str) -> bool:
    """Whether the file says something else than the one that is stored under the same identifiers."""
    stored = orthanc.RestApiGet(f"/instances/{instance_id}/file")
    if file[dataset_offset(file) :] == stored[dataset_offset(stored) :]:
        return False
    if transfer_syntax(file) == transfer_syntax(stored):
        return True
    # Packed in another way: its pixels cannot be compared here, what is said beside them can.
    said = json.loads(orthanc.RestApiGet(f"/instances/{instance_id}/simplified-tags"))
    return {k: v for k, v in said.items() if k not in OF_THE_SYNTAX} != {
        k: v for k, v in tags.items() if k not in OF_THE_SYNTAX
    }


def transfer_syntax(file: bytes) -> bytes:
    """The TransferSyntaxUID of the File Meta Information; empty when there is none."""
    head = file[: dataset_offset(file)]
    at = head.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return b""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ")


def is_too_deep(file: bytes) -> bool:
    """Whether sequences lie in each other more than MOST_DEEP deep, private ones included.

    Only the marks of items are looked for (PS3.5 7.5), so that nothing has to be understood: what lies
    in an item ends where the item said, or at its delimiter.
    """
    syntax = transfer_syntax(file)
    if syntax == DEFLATED:
        packed = zlib.decompressobj(-zlib.MAX_WBITS)
        file = packed.decompress(file[dataset_offset(file) :], MOST_INFLATED_BYTES)
    order = "big" if syntax == BIG_ENDIAN else "little"
    if file.count(ITEM[order]) < MOST_DEEP:
        return False
    ends: list[float] = []
    for mark in MARKS[order].finditer(file):
        while ends and ends[-1] <= mark.start():
            ends.pop()
        if mark["end"]:
            if ends and ends[-1] == math.inf:
                ends.pop()
            continue
        length = int.from_bytes(mark["length"], order)
        ends.append(math.inf if length == UNDEFINED else mark.end() + length)
        if len(ends) >= MOST_DEEP:
            return True
    return False


def caller_of(received: orthanc.DicomInstance) -> str:
    """The calling AE title as it can stand between quotes in one line."""
    return "".join(c for c in received.GetInstanceRemoteAet() if c.isprintable() and c != '"')


def judged(received: orthanc.DicomInstance) -> int:
    """The DIMSE status for an image on its way in: TAKEN, OTHER_CONTENT or TOO_DEEP."""
    file = received.GetInstanceData()
    if is_too_deep(file):
        orthanc.LogWarning(f'MARGIN too deep by="{caller_of(received)}"')
        return TOO_DEEP
    tags = json.loads(received.GetInstanceSimplifiedJson())
    identifiers = [str(tags.get(name) or "") for name in IDENTIFIERS]
    instance_id = orthanc_id(identifiers)
    kept = stored_md5(instance_id)
    if not kept:
        return TAKEN
    md5 = hashlib.md5(file, usedforsecurity=False).hexdigest()
    if md5 == kept or not is_another(file, tags, instance_id):
        return TAKEN
    orthanc.LogWarning(
        f"MARGIN repeated instance={instance_id} study={orthanc_id(identifiers[:2])} "
        f'md5={md5} by="{caller_of(received)}"'
    )
    return OTHER_CONTENT


def look(received: orthanc.DicomInstance) -> int:
    """What Orthanc calls for every image that comes by C-STORE; never an exception."""
    try:
        return judged(received)
    except Exception as problem:
        orthanc.LogError(f"MARGIN could not compare an image: {type(problem).__name__}")
        return TAKEN


orthanc.RegisterIncomingCStoreInstanceFilter(look)
