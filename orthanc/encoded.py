"""What the bytes of an encoded image say, as far as an image can be judged by them (PS3.5, PS3.10).

Every image that comes by C-STORE is looked at, so nothing here goes over its pixels: the elements at the
top are walked from one to the next by their lengths, and only what may hold sequences is searched. What
is not straightforward raises NotPlain, and the caller takes the slow way.

Nothing but the standard library: Orthanc's own Python runs this.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Order = Literal["little", "big"]
# `server.dicom.nesting` holds uploads to the same. The threads with which Orthanc answers by HTTP have so
# small a stack that telling the attributes of an image 60 deep ends the process (measured, 1.10.1).
MOST_DEEP = 32
MOST_INFLATED_BYTES = 256_000_000
UNDEFINED = 0xFFFFFFFF
# PS3.5 A.1, A.3, A.5, A.7 and A.8: the two of JPIP that are deflated are so from end to end.
IMPLICIT, BIG_ENDIAN = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2"
DEFLATED = frozenset(
    {b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.95", b"1.2.840.10008.1.2.4.205"}
)
OF_DICOM = re.compile(rb"1\.2\.840\.10008\.1\.2(\.\d+)*")
# Item and Item Delimitation Item, PS3.5 7.5.1; the four bytes behind them are the length.
ITEM = {"little": b"\xfe\xff\x00\xe0", "big": b"\xff\xfe\xe0\x00"}
MARKS = {
    "little": re.compile(rb"\xfe\xff(?:\x00|(?P<end>\x0d))\xe0(?P<length>.{4})", re.DOTALL),
    "big": re.compile(rb"\xff\xfe\xe0(?:\x00|(?P<end>\x0d))(?P<length>.{4})", re.DOTALL),
}
PREAMBLE_BYTES = 132
# PS3.5 7.1.2: two reserved bytes and a length of four bytes, or a length of two.
LONG_FORMS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
SHORT_FORMS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"}
    | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
MAY_NEST = frozenset({b"SQ", b"UN"})
# Values that are padded at their end, with spaces or, UIDs, with a NUL (PS3.5 6.2).
TEXT = frozenset(
    {b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM"}
    | {b"UC", b"UI", b"UR", b"UT"}
)
# Of a value of no form: texts hold no control characters but these of PS3.5 6.1.3, and are no longer.
NO_TEXT = re.compile(rb"[^\t\n\x0c\r\x1b\x20-\xff]")
LONGEST_TEXT = 65_534
CHARACTER_SET, TRAILING_PADDING = 0x00080005, 0xFFFCFFFC
PATIENT_ID, STUDY, SERIES, INSTANCE = 0x00100020, 0x0020000D, 0x0020000E, 0x00080018
SOP_CLASS, DOCUMENT = 0x00080016, 0x00420011
ROWS, COLUMNS, FRAMES, SAMPLES, BITS = 0x00280010, 0x00280011, 0x00280008, 0x00280002, 0x00280100
PHOTOMETRIC = 0x00280004
IDENTIFIED_BY = (PATIENT_ID, STUDY, SERIES, INSTANCE)
OF_THE_PICTURE = (ROWS, COLUMNS, FRAMES, SAMPLES, BITS, PHOTOMETRIC)
WANTED = frozenset({*IDENTIFIED_BY, *OF_THE_PICTURE, SOP_CLASS})
PIXEL_DATA = 0x7FE00010
# The transfer syntaxes in which the pixels lie as they are (PS3.5 A.1, A.2, A.3, A.5).
NATIVE = frozenset({IMPLICIT, b"1.2.840.10008.1.2.1", BIG_ENDIAN, b"1.2.840.10008.1.2.1.99"})
# Images that are nothing without pixels (PS3.4 B.5): CT, enhanced CT, MR, enhanced MR, PET, enhanced PET. A
# file cut off between two elements of the header is a lawful object otherwise, and the whole image would be
# refused when it comes.
IMAGES = frozenset(
    b"1.2.840.10008.5.1.4.1.1." + one for one in (b"2", b"2.1", b"4", b"4.1", b"128", b"130")
)
# As `server.intake` holds uploads to: no scanner makes a picture of so many bytes, an encapsulated PDF
# (PS3.4 B.5) begins as a PDF and holds no page of the web.
MOST_PIXEL_BYTES = 32_000_000_000
ENCAPSULATED_PDF = b"1.2.840.10008.5.1.4.1.1.104.1"
PDF_MAGIC = b"%PDF-"
WEB_PAGE = (b"<!doctype html", b"<html", b"<script", b"<head", b"<body", b"<svg")
DOCUMENT_HEAD_BYTES = 1024
ABSURD, SHORT, NO_PDF = "absurd", "short", "no_pdf"
BEHIND_META = 0x0002FFFF
IMPLICIT_HEAD = struct.Struct("<HHL")
# Tag, form and short length of an element, and the long length behind it, by the order of the bytes.
EXPLICIT_HEAD = {"little": struct.Struct("<HH2sH"), "big": struct.Struct(">HH2sH")}
LONG_LENGTH = {"little": struct.Struct("<L"), "big": struct.Struct(">L")}
ITEM_TAG, END_TAG = 0xFFFEE000, 0xFFFEE0DD
UID = re.compile(rb"[0-9.]{1,64}")
# What reads the same in every character set of PS3.3 C.12.1.1.2: ASCII without the two places that
# ISO 646 leaves to the country, and short enough for its VR (LO).
SAME_EVERYWHERE = re.compile(rb"[ -\[\]-}]{0,64}")


class NotPlain(Exception):
    """The bytes are lawful or not, but not to be understood by their lengths alone."""


@dataclass(frozen=True)
class Outline:
    """What the walk over the top of a dataset found: the values of WANTED as they stand there, from
    where to where (bytes of the file) sequences may lie, how many bytes of pixels there are (None: no
    pixels), and how a document begins."""

    values: dict[int, bytes]
    may_nest: tuple[tuple[int, int], ...]
    pixel_bytes: int | None = None
    document: bytes | None = None

    def identifiers(self) -> list[str]:
        """PatientID and the three UIDs from the study downwards. Raises NotPlain when one has to be
        understood first, or a UID is missing."""
        patient = self.values.get(PATIENT_ID, b"").rstrip(b" ")
        uids = [self.values.get(tag, b"").removesuffix(b"\0") for tag in IDENTIFIED_BY[1:]]
        if not SAME_EVERYWHERE.fullmatch(patient) or not all(map(UID.fullmatch, uids)):
            raise NotPlain
        return [one.decode("ascii") for one in (patient, *uids)]


def fault_of(file: bytes, found: Outline) -> str:
    """Why a file is not what it says it is (ABSURD, SHORT, NO_PDF), "" where nothing speaks against it."""
    if (
        found.values.get(SOP_CLASS, b"").rstrip(b"\0 ") == ENCAPSULATED_PDF
        and found.document is not None
    ):
        return "" if _is_pdf(found.document) else NO_PDF
    syntax = transfer_syntax(file)
    order = order_of(syntax)
    numbers = (ROWS, COLUMNS, BITS, SAMPLES)
    rows, columns, bits, samples = (
        _short_number(found.values.get(tag, b""), order) for tag in numbers
    )
    is_image = found.values.get(SOP_CLASS, b"").rstrip(b"\0 ") in IMAGES
    if is_image and found.pixel_bytes is None:
        return SHORT
    if not (rows and columns and bits):
        return ""
    samples = samples or 1
    frames = found.values.get(FRAMES, b"").strip(b" \0")
    count = (int(frames) if frames.isdigit() else 0) or 1
    wanted = (rows * columns * bits * samples * count + 7) // 8
    if wanted > MOST_PIXEL_BYTES:
        return ABSURD
    is_plain = syntax in NATIVE and found.pixel_bytes is not None
    halved = found.values.get(PHOTOMETRIC, b"").strip(b" \0") == b"YBR_FULL_422"
    return SHORT if is_plain and not halved and (found.pixel_bytes or 0) < wanted else ""


def _short_number(value: bytes, order: Order) -> int:
    return int.from_bytes(value, order) if len(value) == 2 else 0


def _is_pdf(head: bytes) -> bool:
    return head.startswith(PDF_MAGIC) and not any(sign in head.lower() for sign in WEB_PAGE)


def dataset_offset(file: bytes) -> int:
    """Where the dataset begins: behind the File Meta Information (PS3.10 7.1)."""
    at = PREAMBLE_BYTES if file[128:PREAMBLE_BYTES] == b"DICM" else 0
    while file[at : at + 2] == b"\x02\x00":
        if file[at + 4 : at + 6] in LONG_FORMS:
            at += 12 + int.from_bytes(file[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(file[at + 6 : at + 8], "little")
    return at


def behind_head_of(stored: bytes, file: bytes) -> bytes:
    """The dataset of `file` behind the File Meta Information of `stored`: whoever wrote a file chose that
    part, so only with the same one do two files of the same content have the same MD5."""
    return stored[: dataset_offset(stored)] + file[dataset_offset(file) :]


def transfer_syntax(file: bytes) -> bytes:
    """The TransferSyntaxUID of the File Meta Information; empty when there is none."""
    head = file[: dataset_offset(file)]
    at = head.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return b""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ")


def order_of(syntax: bytes) -> Order:
    """The order of the bytes within a number (PS3.5 7.3)."""
    return "big" if syntax == BIG_ENDIAN else "little"


def inflated(file: bytes) -> bytes:
    """The file with its dataset as it was before it was deflated (PS3.5 A.5), up to MOST_INFLATED_BYTES of
    it; as it is where nothing is deflated. Everything below wants a file so. Raises zlib.error."""
    if transfer_syntax(file) not in DEFLATED:
        return file
    at = dataset_offset(file)
    packed = zlib.decompressobj(-zlib.MAX_WBITS)
    return file[:at] + packed.decompress(file[at:], MOST_INFLATED_BYTES)


def outline(file: bytes) -> Outline:
    """Walk over the elements at the top of a file, without going into any; one that was `inflated`.

    Raises NotPlain unless they ascend, are of known form and end where the file ends.
    """
    syntax = transfer_syntax(file)
    if not OF_DICOM.fullmatch(syntax):
        raise NotPlain
    at = dataset_offset(file)
    try:
        if syntax == IMPLICIT:
            return _implicit(file, at)
        return _explicit(file, at, order_of(syntax))
    except struct.error as problem:
        raise NotPlain from problem


def _explicit(file: bytes, at: int, order: Order) -> Outline:
    values: dict[int, bytes] = {}
    may_nest: list[tuple[int, int]] = []
    pixel_bytes = document = None
    for tag, form, start, end in _elements(file, at, order):
        if form in MAY_NEST:
            may_nest.append((start, end))
        elif tag in WANTED:
            values[tag] = file[start:end]
        elif tag == PIXEL_DATA:
            pixel_bytes = end - start
        elif tag == DOCUMENT:
            document = file[start : min(end, start + DOCUMENT_HEAD_BYTES)]
    return Outline(values, tuple(may_nest), pixel_bytes, document)


def same_values(one: bytes, other: bytes) -> bool:
    """Whether two files of one transfer syntax, `inflated`, say the same in every element at the top, but
    for padding (PS3.5 6.2) and for the name of their character set: what text they hold is the same in
    bytes, and how it reads is to be compared by whoever asks. Raises NotPlain where that cannot be told by
    lengths."""
    try:
        if one[_behind_character_set(one) :] == other[_behind_character_set(other) :]:
            return True
        return dict(_significant(one)) == dict(_significant(other))
    except struct.error as problem:
        raise NotPlain from problem


def _walked(file: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    syntax = transfer_syntax(file)
    if not OF_DICOM.fullmatch(syntax):
        raise NotPlain
    at = dataset_offset(file)
    if syntax == IMPLICIT:
        return _unformed(file, at)
    return _elements(file, at, order_of(syntax))


def _behind_character_set(file: bytes) -> int:
    """Where the first element behind the character set begins; it stands before all that is not plain."""
    at = dataset_offset(file)
    for tag, _, _, end in _walked(file):
        if tag > CHARACTER_SET:
            break
        at = end
    return at


def _significant(file: bytes) -> Iterator[tuple[int, bytes]]:
    for tag, form, start, end in _walked(file):
        if tag not in (CHARACTER_SET, TRAILING_PADDING) and tag & 0xFFFF:
            value = file[start:end]
            is_text = form in TEXT if form else _looks_like_text(tag, value)
            yield tag, value.rstrip(b" \0") if is_text else value


def _looks_like_text(tag: int, value: bytes) -> bool:
    """Whether a value of no form may be text. A number may look so too: whoever asks compares what the
    values say as well, and for private ones nobody can."""
    is_private = bool(tag >> 16 & 1)
    return (
        not is_private
        and len(value) <= LONGEST_TEXT
        and NO_TEXT.search(value.rstrip(b"\0")) is None
    )


def _elements(file: bytes, at: int, order: Order) -> Iterator[tuple[int, bytes, int, int]]:
    """Tag, form (VR) and the place of the value of each element at the top, where forms are given."""
    last, size = BEHIND_META, len(file)
    while at < size:
        group, element, form, length = EXPLICIT_HEAD[order].unpack_from(file, at)
        tag = group << 16 | element
        start = at + 8
        if form in LONG_FORMS:
            (length,) = LONG_LENGTH[order].unpack_from(file, start)
            start += 4
        elif form not in SHORT_FORMS:
            raise NotPlain
        at = start + length
        if length == UNDEFINED:
            if tag != PIXEL_DATA or form in MAY_NEST or order == "big":
                raise NotPlain
            at = _behind_fragments(file, start)
        if tag <= last or at > size:
            raise NotPlain
        last = tag
        yield tag, form, start, at


def _implicit(file: bytes, at: int) -> Outline:
    """Any element may be a sequence where no form is given, except the pixels."""
    values: dict[int, bytes] = {}
    may_nest: list[tuple[int, int]] = []
    pixel_bytes = document = None
    seen = at
    for tag, _, start, end in _unformed(file, at):
        if tag == PIXEL_DATA:
            may_nest.append((seen, start))
            seen, pixel_bytes = end, end - start
        elif tag == DOCUMENT:
            document = file[start : min(end, start + DOCUMENT_HEAD_BYTES)]
        elif tag in WANTED:
            values[tag] = file[start:end]
    return Outline(values, (*may_nest, (seen, len(file))), pixel_bytes, document)


def _unformed(file: bytes, at: int) -> Iterator[tuple[int, bytes, int, int]]:
    """As `_elements`, in implicit little endian, where no form is given."""
    last, size = BEHIND_META, len(file)
    while at < size:
        group, element, length = IMPLICIT_HEAD.unpack_from(file, at)
        tag = group << 16 | element
        start, at = at + 8, at + 8 + length
        if tag <= last or length == UNDEFINED or at > size:
            raise NotPlain
        last = tag
        yield tag, b"", start, at


def _behind_fragments(file: bytes, at: int) -> int:
    """Where encapsulated pixel data ends (PS3.5 A.4)."""
    while True:
        group, element, length = IMPLICIT_HEAD.unpack_from(file, at)
        tag = group << 16 | element
        at += 8
        if tag == END_TAG and length == 0:
            return at
        if tag != ITEM_TAG or length == UNDEFINED:
            raise NotPlain
        at += length


def is_too_deep(file: bytes, places: Iterable[tuple[int, int]] | None = None) -> bool:
    """Whether sequences lie in each other MOST_DEEP deep, private ones included, in these places of a
    file that is not deflated or, without them, anywhere in it."""
    order = order_of(transfer_syntax(file))
    if places is None:
        places = ((0, len(file)),)
    return any(_nests_too_deep(file, order, start, end) for start, end in places)


def _nests_too_deep(file: bytes, order: Order, start: int, end: int) -> bool:
    """Only the marks of items are looked for (PS3.5 7.5), so that nothing has to be understood: what lies
    in an item ends where the item said, or at its delimiter."""
    if file.count(ITEM[order], start, end) < MOST_DEEP:
        return False
    ends: list[float] = []
    for mark in MARKS[order].finditer(file, start, end):
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
