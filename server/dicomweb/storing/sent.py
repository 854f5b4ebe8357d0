"""What a STOW-RS request brings (PS3.18 8.7.3.3.2 and 10.5.1.4): DICOM files, or metadata with its
bulk data beside it, of which a file is made.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, cast

from flask import request
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from server.dicom.decoding import DECODABLE
from server.dicom.files import PREAMBLE_BYTES
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from server.dicomweb.media.accept import DICOM, JSON, MULTIPART, NATIVE, read_media_type
from server.dicomweb.media.copies import copied
from server.dicomweb.media.multipart import KEPT_IN_MEMORY_BYTES, PIECE_BYTES, PartReader, Received
from server.foundation.errors import BadRequest, TooLarge, UnsupportedMedia

LARGEST_PART_BYTES = (
    256_000_000  # a segmentation of 2,000 slices of 512 x 512, uncompressed, is 66 MB
)
LARGEST_METADATA_BYTES = 64_000_000
LARGEST_BULK_BYTES = 512_000_000  # of all bulk data of one request together: it is kept on disk
MOST_PARTS = 1000

# PS3.18 I.2 (Failure Reason); the codes are those of PS3.4 GG.4.2 and PS3.7 Annex C.
PROCESSING_FAILURE = 0x0110
DUPLICATE_INSTANCE = 0x0111
CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
SYNTAX_NOT_SUPPORTED = 0xC122

_CLASS, _INSTANCE, _PIXELS = "00080016", "00080018", "7FE00010"
_SYNTAX_OF_FILE, _META_GROUP = "00020010", "0002"
_PREAMBLE = bytes(PREAMBLE_BYTES) + b"DICM"
# An element of group 0002 with its form (PS3.5 7.1.2).
_META_BEGINS = re.compile(rb"\x02\x00.\x00[A-Z]{2}", re.DOTALL)
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Sent:
    """One instance that was sent, as a DICOM file.

    `failure` is a Failure Reason (0008,1197) when no file could be made of it; then `file` is empty
    and the UIDs say which instance it would have been, as far as that could be read.
    """

    file: BinaryIO = field(default_factory=io.BytesIO)
    size_bytes: int = 0
    failure: int = 0
    SOPClassUID: str = ""
    SOPInstanceUID: str = ""


def sent_files() -> Iterator[Sent]:
    """The instances of this request, one at a time; each file lives until the next is taken.

    Raises UnsupportedMedia for another kind of body, BadRequest for a broken one, TooLarge.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia(
            "The body is packed, which is not taken here.",
            remedy="Send it without Content-Encoding.",
        )
    media_type, parameters = read_media_type(request.headers.get("Content-Type", ""))
    if media_type == DICOM:
        yield from _alone()
        return
    kind = parameters.get("type", DICOM).lower()
    if media_type != MULTIPART or kind not in (DICOM, JSON):
        raise UnsupportedMedia(
            "Only DICOM files, or metadata with bulk data, are taken here.",
            remedy=f'Send {MULTIPART}; type="{DICOM}"; boundary=…, or {DICOM}.',
        )
    reader = PartReader(
        request.stream, parameters.get("boundary", ""), most_bytes=LARGEST_PART_BYTES
    )
    parts = _counted(reader)
    yield from _files(parts) if kind == DICOM else _made(parts)


def _counted(reader: PartReader) -> Iterator[Received]:
    for count, part in enumerate(reader, start=1):
        if count > MOST_PARTS:
            raise BadRequest(f"At most {MOST_PARTS} instances are taken at once.")
        yield part


def _alone() -> Iterator[Sent]:
    """The body is one file (PS3.18 8.6.1.1)."""
    with tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES) as file:
        size = 0
        while piece := request.stream.read(PIECE_BYTES):
            size += len(piece)
            if size > LARGEST_PART_BYTES:
                raise TooLarge(
                    f"This file is larger than the {LARGEST_PART_BYTES // 1_000_000} MB taken here."
                )
            file.write(piece)
        if size:
            with _begun(cast(BinaryIO, file), size) as sent:
                yield sent


def _files(parts: Iterator[Received]) -> Iterator[Sent]:
    for part in parts:
        # A part that does not say what it is is what the whole body says of its parts.
        if read_media_type(part.content_type)[0] in (DICOM, ""):
            with _begun(part.file, part.size_bytes) as sent:
                yield sent
        else:
            yield Sent(failure=CANNOT_UNDERSTAND)


@contextlib.contextmanager
def _begun(file: BinaryIO, size_bytes: int) -> Iterator[Sent]:
    """A file that was sent, with what stands before its File Meta Information (PS3.10 7.1). pydicom leaves
    that out of what it did not read from a file, and sends it so by dicomweb-client."""
    file.seek(0)
    lacks = _META_BEGINS.match(file.read(6)) is not None
    file.seek(0)
    if not lacks:
        yield Sent(file, size_bytes)
        return
    pieces = iter(partial(file.read, PIECE_BYTES), b"")
    with contextlib.closing(copied(chain([_PREAMBLE], pieces))) as whole:
        whole.seek(0)
        yield Sent(whole, len(_PREAMBLE) + size_bytes)


@dataclass
class _Bulk:
    """The values of one BulkDataURI: one, or one for each frame."""

    transfer_syntax: str
    files: list[BinaryIO]


def _made(parts: Iterator[Received]) -> Iterator[Sent]:
    """Metadata first and then everything that it points to: only then can a file be made."""
    datasets: list[dict[str, Any]] = []
    bulk: dict[str, _Bulk] = {}
    kept_bytes = 0
    with contextlib.ExitStack() as kept:
        for part in parts:
            media_type, parameters = read_media_type(part.content_type)
            if media_type == JSON:
                datasets += _datasets(part)
                continue
            if not part.location:
                raise BadRequest("A part with bulk data has no Content-Location.")
            kept_bytes += part.size_bytes
            if kept_bytes > LARGEST_BULK_BYTES:
                raise TooLarge(
                    f"The bulk data is larger than the {LARGEST_BULK_BYTES // 1_000_000} MB taken."
                )
            file = kept.enter_context(tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES))
            shutil.copyfileobj(part.file, file)
            syntax = parameters.get("transfer-syntax", EXPLICIT_LITTLE)
            entry = bulk.setdefault(part.location, _Bulk(syntax, []))
            entry.files.append(file)  # type: ignore[arg-type]
        for dataset in datasets:
            yield _file_of(dataset, bulk)


def _datasets(part: Received) -> list[dict[str, Any]]:
    if part.size_bytes > LARGEST_METADATA_BYTES:
        raise TooLarge("The metadata is too large.")
    try:
        said = json.loads(part.file.read())
    except (ValueError, RecursionError) as error:
        raise BadRequest("The metadata is not JSON.") from error
    several = said if isinstance(said, list) else [said]
    if not all(isinstance(one, dict) for one in several):
        raise BadRequest("The metadata is not in the DICOM JSON Model (PS3.18 Annex F).")
    if len(several) > MOST_PARTS:
        raise BadRequest(f"At most {MOST_PARTS} instances are taken at once.")
    return several


def _file_of(said: dict[str, Any], bulk: dict[str, _Bulk]) -> Sent:
    named = Sent(SOPClassUID=_text(said, _CLASS), SOPInstanceUID=_text(said, _INSTANCE))
    syntax = _syntax_of(said, bulk)
    if syntax not in NATIVE and syntax not in DECODABLE:
        return replace(named, failure=SYNTAX_NOT_SUPPORTED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = _written(said, bulk, syntax)
    except _UNREADABLE:
        return replace(named, failure=CANNOT_UNDERSTAND)
    return Sent(io.BytesIO(data), len(data))


def _text(said: dict[str, Any], tag: str) -> str:
    element = said.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]) if isinstance(values, list) and values else ""


def _syntax_of(said: dict[str, Any], bulk: dict[str, _Bulk]) -> str:
    """How the pixels are encoded: as their part says, else as the metadata does."""
    pixels = said.get(_PIXELS)
    uri = pixels.get("BulkDataURI") if isinstance(pixels, dict) else None
    if uri in bulk:
        return bulk[uri].transfer_syntax
    return _text(said, _SYNTAX_OF_FILE) or EXPLICIT_LITTLE


def _written(said: dict[str, Any], bulk: dict[str, _Bulk], syntax: str) -> bytes:
    """The file. Raises KeyError for bulk data that was not sent."""

    def value(_tag: str, _vr: str, uri: str) -> bytes:
        data = b"".join(_read(file) for file in bulk[uri].files)
        return data + b"\0" * (len(data) % 2)

    body = {tag: element for tag, element in said.items() if not tag.startswith(_META_GROUP)}
    pixels = body.get(_PIXELS, {})
    compressed = syntax not in NATIVE and "BulkDataURI" in pixels
    if compressed:
        del body[_PIXELS]
    dataset = Dataset.from_json(body, bulk_data_uri_handler=value)
    if compressed:
        frames = [_read(file) for file in bulk[pixels["BulkDataURI"]].files]
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE if syntax in NATIVE else syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = io.BytesIO()
    dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def _read(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
