"""What a pseudonymised reader may not see at all: it is answered as if it were not there."""

from __future__ import annotations

import gzip
import io
import struct
from typing import Any
from weakref import WeakKeyDictionary

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from server.archive import NotInArchive
from server.dicom.byte_order import turned_little
from server.dicomweb.delivery.metadata import datasets_of
from server.dicomweb.pixels.archived import read_layout
from server.dicomweb.pixels.framing import Place
from server.dicomweb.views.clearance import Clearance
from server.dicomweb.views.scope import Pass, outside
from server.prepared.shelf import Shelf

LARGEST_VALUE_BYTES = 4096  # of a value that says what a picture shows
PIECE_BYTES = 64 * 1024
_INSTANCE = "00080018"

_clearances: WeakKeyDictionary[Shelf, Clearance] = WeakKeyDictionary()


def check_pixels(pass_: Pass, place: Place) -> None:
    """Raises StudyOutsideGrant when this caller may not see the pixels of an instance."""
    if not pass_.view.pseudonymised:
        return
    clearance = _clearances.setdefault(pass_.shelf, Clearance(pass_.shelf))
    if pass_.current(place.study, place.series) is not None:
        if clearance.is_given(pass_.view, place.study, place.series, place.instance):
            return
        raise outside()
    dataset = as_json(header_of(pass_, place))
    if pass_.view.json(dataset) is None or pass_.view.pixels_withheld(dataset):
        raise outside()


def header_of(pass_: Pass, place: Place) -> Dataset:
    """The attributes before the pixels, without long values. Raises StudyOutsideGrant."""
    for orthanc_id in pass_.archive.candidates(place.study, place.series, place.instance):
        try:
            stream = pass_.archive.open_file(orthanc_id)
        except NotInArchive:
            continue
        try:
            head, _ = read_layout(stream)
        finally:
            stream.close()
        try:
            header = dcmread(io.BytesIO(head), stop_before_pixels=True, force=True)
            return turned_little(header)
        except (InvalidDicomError, OSError, ValueError, EOFError, struct.error) as error:
            raise outside() from error
    raise outside()


def prepared_dataset(pass_: Pass, place: Place) -> dict[str, Any] | None:
    """The prepared metadata of one instance, as the archive holds it; None when it is not there."""
    path = pass_.shelf.metadata(place.study, place.series)
    try:
        with gzip.open(path) as file:
            for dataset in datasets_of(iter(lambda: file.read(PIECE_BYTES), b"")):
                if dataset.get(_INSTANCE, {}).get("Value") == [place.instance]:
                    return dataset
    except (OSError, EOFError, ValueError):
        return None
    return None


def as_json(header: Dataset) -> dict[str, Any]:
    """The header in the DICOM JSON Model, without what is long or cannot be written so."""
    said: dict[str, Any] = header.to_json_dict(
        bulk_data_threshold=LARGEST_VALUE_BYTES,
        bulk_data_element_handler=lambda _: "",
        suppress_invalid_tags=True,
    )
    return said
