"""Whether two files with the same identifiers say the same, and if not, what is other.

`orthanc/repeats.py` asks the same of images that come by C-STORE.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, STR_VR

from server.dicom.files import RefusedFile, read_head

COMPARED_BYTES: Final = 256 * 1024 * 1024
_CHARACTER_SET: Final = 0x00080005
_TRAILING_PADDING: Final = 0xFFFCFFFC  # PS3.10 7.2: of no significance
_PADDING: Final = b" \0"  # PS3.5 6.2: trailing spaces, and the NUL of a UID, say nothing


def same_dataset(one: Path, other: Path) -> bool:
    """Whether two files say the same behind their File Meta Information (PS3.10 7.1)."""
    if _same_bytes(one, other):
        return True
    if max(one.stat().st_size, other.stat().st_size) > COMPARED_BYTES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _say_the_same(dcmread(one), dcmread(other))
    except Exception:
        return False


def difference(one: Path, other: Path) -> str:
    """What is other, as the end of a sentence."""
    if max(one.stat().st_size, other.stat().st_size) > COMPARED_BYTES:
        return "with other content"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = [
            dcmread(path, specific_tags=["PixelData"]).get("PixelData") for path in (one, other)
        ]
    return "with other pixels" if pixels[0] != pixels[1] else "with another description"


def _same_bytes(one: Path, other: Path) -> bool:
    heads = [read_head(path) for path in (one, other)]
    offsets = [0 if isinstance(head, RefusedFile) else head.dataset_offset for head in heads]
    with one.open("rb") as first, other.open("rb") as second:
        first.seek(offsets[0])
        second.seek(offsets[1])
        while True:
            pieces = first.read(1 << 20), second.read(1 << 20)
            if pieces[0] != pieces[1]:
                return False
            if not pieces[0]:
                return all(offsets)


def _say_the_same(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets of one transfer syntax differ in nothing but padding, and in the name of a
    character set that reads every text alike."""
    syntaxes = {str(dataset.file_meta.TransferSyntaxUID) for dataset in (one, other)}
    if len(syntaxes) > 1 or _values_of(one) != _values_of(other):
        return False
    return _texts_of(one) == _texts_of(other)


def _values_of(dataset: Dataset) -> dict[int, Any]:
    """Every value as its bytes, text without its padding."""
    return {
        int(tag): _value_of(dataset, int(tag))
        for tag in list(dataset.keys())
        if tag not in (_CHARACTER_SET, _TRAILING_PADDING) and tag.element != 0
    }


def _value_of(dataset: Dataset, tag: int) -> Any:
    raw: Any = dataset.get_item(tag)
    if not isinstance(raw, RawDataElement):
        return [_values_of(item) for item in raw.value] if raw.VR == "SQ" else str(raw.value)
    value = raw.value or b""
    known = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
    return value.rstrip(_PADDING) if (raw.VR or known) in STR_VR else value


def _texts_of(dataset: Dataset) -> list[tuple[int, str]]:
    """Every text for which a character set counts, as it reads."""
    return [
        (int(one.tag), str(one.value).rstrip(" \0"))
        for one in dataset.iterall()
        if one.VR in CUSTOMIZABLE_CHARSET_VR
    ]
