"""What a file is, by its bytes and never by its name: image, archive, document, or not wanted. Pure.

A file's own first bytes decide. Its name only helps to say why it is not taken, and to recognise what
lies on every disc beside the images and is wanted by nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from server.dicom.files import lost_its_beginning

HEAD_BYTES: Final = 1024
TAIL_BYTES: Final = 2048
PDF_MAGIC: Final = b"%PDF-"
DICOM, ZIP = "dicom", "zip"
DIRECTORY: Final = (
    "A DICOMDIR, the table of contents of a disc: not needed, the images themselves are read."
)
DAMAGED_DIRECTORY: Final = f"{DIRECTORY} This one is damaged."


@dataclass(frozen=True)
class Document:
    """A document that a case can keep, and its media type."""

    media_type: str
    word: str


@dataclass(frozen=True)
class NotWanted:
    """Something that nobody needs: it is listed and otherwise forgotten."""

    reason: str


@dataclass(frozen=True)
class NotTaken:
    """Something that is not taken, and what to do about it."""

    reason: str


Kind = str | Document | NotWanted | NotTaken

PDF: Final = Document("application/pdf", "PDF document")
JPEG: Final = Document("image/jpeg", "photograph or scan (JPEG)")
PNG: Final = Document("image/png", "photograph or scan (PNG)")
TIFF: Final = Document("image/tiff", "scan (TIFF)")
HEIC: Final = Document("image/heic", "photograph (HEIC)")
STL: Final = Document("model/stl", "3-D model (STL)")
A_PHOTOGRAPH_IS_NO_IMAGING: Final = (
    "Kept as a document. A photograph of a scan is not imaging: send the DICOM files."
)

_HEIC_BRANDS: Final = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"mif1",
    b"msf1",
    b"hevc",
)  # ISO 23008-12
WEB_PAGE: Final = (b"<!doctype html", b"<html", b"<script", b"<head", b"<body", b"<svg")
_ARCHIVES: Final = (
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_OFFICE: Final = (
    ".doc",
    ".docx",
    ".odt",
    ".rtf",
    ".xls",
    ".xlsx",
    ".ods",
    ".ppt",
    ".pptx",
    ".pages",
)
# What the first entry of an office document is called, whatever the document itself is (ECMA-376, part 2;
# OpenDocument 1.3, part 2, 3.3), and how RTF begins.
_OFFICE_ENTRIES: Final = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis")
_RTF: Final = b"{\\rtf"
_DISC_IMAGES: Final = (".iso", ".img", ".nrg", ".mdf", ".dmg")
_TAR: Final = (257, b"ustar")  # POSIX.1-2017, pax
_TEXT: Final = (".txt", ".md", ".csv", ".eml", ".msg", ".json", ".log", ".xml", ".hl7")
_MODELS: Final = (".obj", ".ply", ".3mf", ".glb", ".gltf", ".vtk", ".wrl")
# A binary STL has no mark of its own: 80 bytes of anything, the number of triangles, 50 bytes for each.
_STL_HEAD_BYTES, _STL_TRIANGLE_BYTES = 84, 50
BARE_DATASET: Final = (
    "It looks like a DICOM file that lost its beginning (no DICM after 128 bytes). Export it again as a "
    "DICOM file, or send it from the PACS."
)
_PROGRAMS: Final = re.compile(
    r"\.(exe|dll|bat|cmd|com|msi|ini|inf|cfg|config|ocx|jar|app|sys|manifest|url|lnk|ico|cur|chm|hlp"
    r"|dat|js|css|ttf|woff|db|so|dylib|plist|properties|class)"
)
_SYSTEM: Final = frozenset((".ds_store", "thumbs.db", "desktop.ini", "autorun.inf", "dicomdir.bak"))


def kind_of(head: bytes, tail: bytes, name: str) -> Kind:
    """What a file is. `head` are its first HEAD_BYTES, `tail` its last TAIL_BYTES (or all of it).

    DICOM goes first: a file that is DICOM and something else at once loses its preamble, and with it
    whatever else it was.
    """
    if not head:
        return NotTaken("The file is empty.")
    place = PurePosixPath(name.replace("\\", "/"))
    if is_hidden(place):
        return NotWanted("A file of the computer's own, not a record.")
    if head[128:132] == b"DICM":  # PS3.10 7.1
        return DICOM
    if place.name.lower() == "dicomdir":
        return NotWanted(DAMAGED_DIRECTORY)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip(head, place)
    return _document(head, tail) or _model(head, place) or _other(head, place)


def _model(head: bytes, place: PurePosixPath) -> Document | None:
    """A 3-D model for printing. Its name has to say so too: in bytes alone it cannot be told."""
    if place.suffix.lower() != ".stl":
        return None
    is_text = head.lstrip().startswith(b"solid") and b"facet" in head
    triangles = int.from_bytes(head[_STL_HEAD_BYTES - 4 : _STL_HEAD_BYTES], "little")
    binary_bytes = _STL_HEAD_BYTES + _STL_TRIANGLE_BYTES * triangles
    is_binary = triangles > 0 and len(head) >= min(HEAD_BYTES, binary_bytes)
    return STL if is_text or is_binary else None


def _zip(head: bytes, place: PurePosixPath) -> Kind:
    suffix = place.suffix.lower()
    if suffix in _OFFICE or any(head[30:].startswith(name) for name in _OFFICE_ENTRIES):
        return NotTaken(
            "Documents of an office program are not taken. Save it as PDF and send that."
        )
    if suffix == ".jar":
        return NotWanted("Part of a viewer's program, not a record.")
    return ZIP


def _document(head: bytes, tail: bytes) -> Document | NotTaken | None:
    if head.startswith(PDF_MAGIC):
        return _pdf(head, tail)
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return TIFF
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return HEIC
    return None


def is_pdf(head: bytes) -> bool:
    """Whether this is how a PDF begins, and no page of the web."""
    return head.startswith(PDF_MAGIC) and not any(sign in head.lower() for sign in WEB_PAGE)


def _pdf(head: bytes, tail: bytes) -> Document | NotTaken:
    """A PDF begins as one, ends as one, and is no page of the web in between."""
    if not is_pdf(head):
        return NotTaken(
            "It says that it is a PDF, but it holds a web page. Print it to a PDF anew."
        )
    if b"%%EOF" not in tail:  # ISO 32000-2, 7.5.5
        return NotTaken(
            "The PDF is cut off: its end is missing, or something else follows it. Send it again, or print "
            "it to a PDF anew."
        )
    return PDF


def is_hidden(place: PurePosixPath) -> bool:
    """Whether an operating system wrote the file for itself."""
    named = [part.lower() for part in place.parts]
    if not named:
        return False
    return "__macosx" in named or named[-1] in _SYSTEM or named[-1].startswith("._")


def _other(head: bytes, place: PurePosixPath) -> Kind:
    if lost_its_beginning(head):
        return NotTaken(BARE_DATASET)
    suffix = place.suffix.lower()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(WEB_PAGE) or any(sign in start[:512] for sign in WEB_PAGE[:3]):
        if suffix == ".pdf":
            return NotTaken("It is named a PDF, but it is a web page. Print it to a PDF anew.")
        return NotTaken("Web pages are not taken. Print it to a PDF and send that.")
    if head.startswith(b"MZ") or _PROGRAMS.fullmatch(suffix):
        return NotWanted("Part of a viewer's program, not a record.")
    packed = next((word for magic, word in _ARCHIVES if head.startswith(magic)), "")
    if head[_TAR[0] :].startswith(_TAR[1]):
        packed = "tar"
    if packed:
        return NotTaken(f"{packed} archives are not taken. Send the folder itself, or a zip file.")
    if suffix in _DISC_IMAGES:
        return NotTaken("An image of a disc is not opened. Open it and send the folders in it.")
    if suffix in _OFFICE or head.startswith((b"\xd0\xcf\x11\xe0", _RTF)):
        return NotTaken(
            "Documents of an office program are not taken. Save it as PDF and send that."
        )
    if suffix in _TEXT:
        return NotTaken("Plain text is not taken. Print it to a PDF and send that.")
    if suffix in _MODELS or suffix == ".stl":
        return NotTaken("This kind of 3-D model is not taken. Send it as STL, or as DICOM.")
    if head[:3] == b"GIF" or head[:2] == b"BM" or head[8:12] == b"WEBP":
        return NotTaken(
            "This kind of picture is not taken. Send JPEG or PNG, and imaging as DICOM."
        )
    return NotTaken(
        "It is neither a DICOM file (no DICM after 128 bytes) nor a PDF, JPEG, PNG or TIFF."
    )
