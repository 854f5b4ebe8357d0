"""Datasets of the retired transfer syntax Explicit VR Big Endian, turned into little-endian ones. Pure.

pydicom turns numbers round as it reads them, but leaves values of many bytes as the file has them
(PS3.5 6.2, 7.3), and writes them so again.
"""

from __future__ import annotations

import struct
import warnings
from array import array
from typing import Final

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from server.dicom.transfer_syntaxes import BIG_ENDIAN

# Whose values are words, with the letter that `array` has for a word of that width (PS3.5 6.2).
_WORDS: Final = {"OW": "H", "OF": "I", "OL": "I", "OD": "Q", "OV": "Q"}


def turned_little(dataset: Dataset) -> Dataset:
    """The dataset of a file, its values turned round in place where the file is big endian.

    It is then one of Explicit VR Little Endian. Raises ValueError for a value that is no whole number
    of words.
    """
    if dataset.file_meta.get("TransferSyntaxUID") == BIG_ENDIAN:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are not as they should be
            _turn(dataset)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.set_original_encoding(False, True, dataset.original_character_set)
    return dataset


def _turn(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                _turn(item)
        elif element.VR in _WORDS and isinstance(element.value, bytes):
            element.value = _swapped(element.value, _WORDS[element.VR])


def _swapped(value: bytes, letter: str) -> bytes:
    """The bytes of each word in the other order; `letter` is that of the word in `struct`."""
    if len(value) % struct.calcsize(f"={letter}"):
        raise ValueError("A value ends within a word.")
    words = array(letter, value)
    words.byteswap()
    return words.tobytes()
