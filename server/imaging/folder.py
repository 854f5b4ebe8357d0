"""A folder as a hospital has it: DICOM files among whatever else lies there, each named once.

Files are read without their pixels. What is not an image is set aside with its name and the reason,
and the rest goes on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.uid import UID

from server.dicom.files import MEDIA_DIRECTORY, lost_its_beginning
from server.dicom.uids import is_uid
from server.imaging.facts import SeriesFacts, facts_of
from server.imaging.headers import Header, of_dataset
from server.imaging.looking import with_pixels
from server.imaging.submission import OtherFile

# So many files are read by one process before a second one is worth its start.
_ALONE_BELOW: Final = 300
_FILES_AT_ONCE: Final = 64
_MOST_PROCESSES: Final = 4
_PREFIX_BYTES: Final = 132
_TAIL_BYTES: Final = 65536
_END_OF_FRAMES: Final = b"\xfe\xff\xdd\xe0"  # Sequence Delimitation Item, PS3.5 A.4, little endian
_MAGIC: Final = (
    (b"\xff\xd8\xff", "picture", "It is a JPEG picture, not a DICOM file."),
    (b"\x89PNG", "picture", "It is a PNG picture, not a DICOM file."),
    (b"GIF8", "picture", "It is a GIF picture, not a DICOM file."),
    (b"BM", "picture", "It is a BMP picture, not a DICOM file."),
    (b"II*\0", "picture", "It is a TIFF picture, not a DICOM file."),
    (b"MM\0*", "picture", "It is a TIFF picture, not a DICOM file."),
    (b"%PDF", "document", "It is a PDF document."),
    (b"{\\rtf", "document", "It is a text document."),
    (b"\xd0\xcf\x11\xe0", "document", "It is an office document."),
    (b"PK\x03\x04", "archive", "It is a packed file (zip)."),
    (b"Rar!", "archive", "It is a packed file (rar)."),
    (b"7z\xbc\xaf", "archive", "It is a packed file (7z)."),
    (b"\x1f\x8b", "archive", "It is a packed file (gzip)."),
)
_OFFICE: Final = frozenset({".docx", ".xlsx", ".pptx", ".odt"})
_TEXTS: Final = frozenset({".txt", ".html", ".htm", ".xml", ".csv", ".md"})
_NO_DICM: Final = "It is not a DICOM file: there is no DICM after the first 128 bytes."


@dataclass(frozen=True)
class Content:
    """What a folder holds: the headers of each series by its UID, and every other file."""

    series: dict[str, list[Header]]
    others: list[OtherFile]


Read = list[Header] | OtherFile


def read_folder(folder: Path) -> Content:
    """Everything in the folder and below. Links are not followed."""
    series: dict[str, list[Header]] = {}
    others: list[OtherFile] = []
    known: dict[str, dict[str, tuple[str, ...]]] = {}
    for read in _read_all(folder, sorted(_files(folder))):
        if isinstance(read, OtherFile):
            others.append(read)
            continue
        first = read[0]
        uid = first.text("SOPInstanceUID")
        if uid in known:
            others.append(_repeated(first, known[uid]))
            continue
        known[uid] = dict(first.values)
        series.setdefault(first.text("SeriesInstanceUID"), []).extend(read)
    return Content(series, others)


def _files(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(root, name)
            try:
                mode = path.lstat().st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode):
                yield str(path.relative_to(folder))


def _read_all(folder: Path, names: list[str]) -> Iterator[Read]:
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES)
    if len(names) < _ALONE_BELOW or processes < 2:
        yield from (_read(folder, name) for name in names)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(_Reader(folder), names, chunksize=_FILES_AT_ONCE)


@dataclass(frozen=True)
class _Reader:
    """Reads one file of the folder: a value that another process can be handed."""

    folder: Path

    def __call__(self, name: str) -> Read:
        return _read(self.folder, name)


def _read(folder: Path, name: str) -> Read:
    path = folder / name
    try:
        with path.open("rb") as file:
            start = file.read(_PREFIX_BYTES)
    except OSError as problem:
        return OtherFile(name, "broken", f"It cannot be read: {problem.strerror or problem}.")
    if not start:
        return OtherFile(name, "broken", "It is empty.")
    if start[128:] != b"DICM":
        return _not_dicom(name, start)
    try:
        dataset = dcmread(path, stop_before_pixels=True)
        headers = of_dataset(dataset, name)
        fault = _fault(dataset, headers[0], path)
    except Exception as problem:  # bytes that are not what they say fail in many ways
        return OtherFile(name, "broken", f"It cannot be read ({type(problem).__name__}).")
    if dataset.file_meta.get("MediaStorageSOPClassUID") == MEDIA_DIRECTORY:
        return OtherFile(name, "other", "It is a DICOMDIR, the table of contents of a disc.")
    return OtherFile(name, "broken", fault) if fault else headers


def _not_dicom(name: str, start: bytes) -> OtherFile:
    suffix = Path(name).suffix.lower()
    for magic, kind, reason in _MAGIC:
        if start.startswith(magic):
            is_office = kind == "archive" and suffix in _OFFICE
            return (
                OtherFile(name, "document", "It is an office document.")
                if is_office
                else (OtherFile(name, kind, reason))
            )
    if suffix in (".dcm", ".dicom", ".ima"):
        return OtherFile(name, "broken", _NO_DICM)
    if lost_its_beginning(start):
        return OtherFile(
            name, "broken", "A DICOM file without its beginning: no preamble, no DICM."
        )
    if suffix in _TEXTS:
        return OtherFile(name, "document" if suffix == ".txt" else "other", "It is a text file.")
    return OtherFile(name, "other", _NO_DICM)


def _fault(dataset: Dataset, header: Header, path: Path) -> str:
    """Why a file that could be read is no whole instance, "" when it is one."""
    if dataset.file_meta.get("MediaStorageSOPClassUID") == MEDIA_DIRECTORY:
        return ""
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not is_uid(header.text(keyword)):
            return f"Its {keyword} is {'no UID' if header.text(keyword) else 'missing'}."
    syntax = header.TransferSyntaxUID
    if not syntax:
        return "Its transfer syntax is missing."
    if not header.text("Rows"):
        return ""
    return _cut_off(header, path, UID(syntax))


def _cut_off(header: Header, path: Path, syntax: UID) -> str:
    size_bytes = path.stat().st_size
    if syntax.is_private or not syntax.is_transfer_syntax or syntax.is_deflated:
        return ""
    if syntax.is_encapsulated:
        with path.open("rb") as file:
            file.seek(max(0, size_bytes - _TAIL_BYTES))
            ended = _END_OF_FRAMES in file.read()
        return "" if ended else "It ends early: its pixels are cut off."
    parts = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    bits = 1.0
    for keyword in parts:
        bits *= header.number(keyword) or 1.0
    needed = bits * (header.number("NumberOfFrames") or 1.0) / 8
    return "It ends early: its pixels are cut off." if size_bytes < needed else ""


def _repeated(header: Header, known: dict[str, tuple[str, ...]]) -> OtherFile:
    if dict(header.values) == known:
        return OtherFile(header.source, "repeated", "The same image is there already.")
    return OtherFile(
        header.source, "conflicting", "Another file has the same SOPInstanceUID and other content."
    )


def assess_series(
    folder: Path, content: Content, *, pixels: bool = True
) -> tuple[SeriesFacts, ...]:
    """The facts of every series, with what its pixels show where that is asked for."""
    every = list(content.series.values())
    look = _Looker(folder, pixels)
    if not pixels or len(every) < 2 or (os.cpu_count() or 1) < 2:
        return tuple(look(one) for one in every)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        return tuple(pool.map(look, every))


@dataclass(frozen=True)
class _Looker:
    """Makes facts of one series' headers, perhaps in another process."""

    folder: Path
    pixels: bool

    def __call__(self, headers: Sequence[Header]) -> SeriesFacts:
        facts = facts_of(headers)
        found = with_pixels(facts, headers, self._open) if self.pixels else facts
        # What only the looking needed would double what goes back between processes.
        return replace(found, spacing=replace(found.spacing, distances_mm=()))

    def _open(self, header: Header) -> Dataset | None:
        try:
            return dcmread(self.folder / header.source)
        except Exception:  # it could be read without its pixels a moment ago
            return None
