"""The words of an identity that was taken out of a dataset, looked for in the bytes of what stays. Pure.

Lookup tables, palettes, surfaces and other numbers leave as they are (`server.dicom.deidentification`), and
whoever made them may have written letters as numbers. A value in which a word stands that was taken out
of the same dataset is not given.
"""

from __future__ import annotations

import io
import re
import struct
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, BinaryIO, Final

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from server.dicom.confidentiality import ACTION_CODES
from server.dicom.vocabulary import is_known_word

# A value of fewer bytes has no room for a word.
LEAST_BYTES: Final = 4

# By chance four letters stand in 128 kB (the longest lookup table, PS3.3 C.7.6.3.1.5) of random bytes once
# in 2000 times, six letters in 100 MB of a surface once in 40000 times.
_LEAST_BYTES_OF_LONG: Final = 6
_LONG_BYTES: Final = 256 * 1024
_LEAST_LETTERS: Final = 4  # of an alphabet; of a script beyond ASCII two
_LEAST_SIGNS: Final = 2
_MOST_TEXTS: Final = 2000
_MOST_WORDS: Final = 400
_AROUND_BYTES: Final = 8  # on each side of a word, when it is asked whether a ramp was met
_LEAST_OF_SLOPE: Final = 4  # numbers: fewer are always even
_UNEVENNESS: Final = 3  # between the steps of a curved or rounded ramp
_MOST_SLOPES: Final = 1000
_LONGEST_TEXT: Final = 1024
_DEEPEST: Final = 32
_WINDOW_BYTES: Final = 256 * 1024
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
# Thousands of items that say the geometry of each frame, and nobody's name.
_FUNCTIONAL_GROUPS: Final = frozenset({0x52009229, 0x52009230})
_SHORT_TEXT: Final = frozenset(("AE", "LO", "PN", "SH", "ST", "UC"))
_WHERE_TEXT_IS: Final = _SHORT_TEXT | {"SQ"}
_KEY: Final = re.compile(r"[0-9A-Fa-f]{8}")
_WORD: Final = re.compile(r"\w+")
# Fewer digits are a measurement as often as an identifier; more, a DS cannot hold (PS3.5 6.2).
_LEAST_IDENTIFIER: Final = 100_000
_DIGITS: Final = re.compile(r"(?<![0-9])[0-9]{6,16}(?![0-9])")
_EVERYWHERE: Final = ("utf-8", "utf-16-le", "utf-32-le", "utf-32-be")  # UTF-16 BE: when swapped
_BEYOND_ASCII: Final = (
    *sorted({*python_encoding.values()} - {"UTF8", "iso8859"}),
    "euc_jp",
    "big5",
)

Json = dict[str, Any]


class RemovedWords:
    """What was taken out of one dataset. `texts` is asked when the first value is looked at."""

    def __init__(self, texts: Callable[[], Iterable[str]]) -> None:
        self._texts = texts
        self._needles: tuple[bytes, ...] | None = None
        self._numbers: set[int] | None = None

    def stand_in(self, value: bytes) -> bool:
        """Whether one of the words stands in these bytes, in any character set that DICOM knows, in
        UTF-8, UTF-16 or UTF-32, in capitals or not, also with the bytes of each 16 bits swapped."""
        if len(value) > _WINDOW_BYTES:
            return self.stand_in_file(io.BytesIO(value), len(value))
        if len(value) < LEAST_BYTES:
            return False
        return _holds(value, self._known()) or _holds(_swapped(value), self._known())

    def stand_in_file(self, file: BinaryIO, length: int) -> bool:
        """The same of the next `length` bytes of a file, which need not fit into memory."""
        least = LEAST_BYTES if length <= _LONG_BYTES else _LEAST_BYTES_OF_LONG
        needles = tuple(needle for needle in self._known() if least <= len(needle) <= length)
        overlap = 2 * len(needles[-1]) + _AROUND_BYTES if needles else 0
        held = b""
        while needles and (piece := file.read(min(_WINDOW_BYTES, length))):
            length -= len(piece)
            window = held + piece
            if _holds(window, needles) or _holds(_swapped(window), needles):
                return True
            held = window[-overlap:]
        return False

    def are_among(self, numbers: Iterable[Any]) -> bool:
        """Whether one of these numbers, as text or not, is a number of six digits or more that was
        taken out, by itself or within letters: a patient's or an order's."""
        large = {whole for one in numbers if (whole := _whole(one)) >= _LEAST_IDENTIFIER}
        if not large:
            return False
        if self._numbers is None:
            texts = islice(self._texts(), _MOST_TEXTS)
            self._numbers = {int(run) for text in texts for run in _DIGITS.findall(text)}
        return not large.isdisjoint(self._numbers)

    def _known(self) -> tuple[bytes, ...]:
        if self._needles is None:
            self._needles = _needles(tuple(islice(self._texts(), _MOST_TEXTS)))
        return self._needles


def _whole(number: Any) -> int:
    """The absolute value of a whole number; 0 for another, and for what is none."""
    try:
        exact = Decimal(str(number))
        return abs(int(exact)) if exact == exact.to_integral_value() else 0
    except (ArithmeticError, ValueError):
        return 0


def _holds(window: bytes, needles: tuple[bytes, ...]) -> bool:
    small = window.lower()
    for needle in needles:
        if len(needle) > len(small):
            break
        at, met = small.find(needle), 0
        while at >= 0:
            met += 1
            start, stop = max(0, at - _AROUND_BYTES) // 2 * 2, at + len(needle) + _AROUND_BYTES
            if met > _MOST_SLOPES or not _is_slope(window[start:stop]):
                return True
            at = small.find(needle, at + 1)
    return False


def _is_slope(piece: bytes) -> bool:
    """Whether these bytes are a piece of a ramp of 8 or 16 bits: it counts through all letters and
    digits without anybody having written them."""
    even = piece[: len(piece) // 2 * 2]
    return _is_even(piece) or any(
        _is_even(struct.unpack(f"{order}{len(even) // 2}H", even)) for order in "<>"
    )


def _is_even(numbers: Sequence[int]) -> bool:
    if len(numbers) < _LEAST_OF_SLOPE:
        return False
    steps = [after - before for before, after in pairwise(numbers)]
    mean = sum(steps) / len(steps)
    return max(steps) - min(steps) <= max(_UNEVENNESS, abs(mean) / 8)


def removed_from_json(dataset: Json) -> RemovedWords:
    """The words taken out of a dataset in the DICOM JSON Model."""
    return RemovedWords(lambda: _texts_of_json(dataset, 0))


def removed_from_file(dataset: Dataset) -> RemovedWords:
    """The same of a dataset that pydicom read from a file; it is not changed."""
    return RemovedWords(lambda: _texts_of_file(dataset, 0, ("iso8859",)))


def _swapped(window: bytes) -> bytes:
    words = array("H", window + b"\0" * (len(window) % 2))
    words.byteswap()
    return words.tobytes()


def _is_identity(tag: int, vr: str) -> bool:
    return vr == "PN" or (vr in _SHORT_TEXT and tag in ACTION_CODES)


def _texts_of_json(dataset: Json, depth: int) -> Iterator[str]:
    """Those of the dataset itself come before those of its items, for there is a limit."""
    elements = [pair for pair in dataset.items() if isinstance(pair[1], dict)]
    for key, element in sorted(elements, key=lambda pair: pair[1].get("vr") == "SQ"):
        vr = element.get("vr")
        if vr not in _WHERE_TEXT_IS or not isinstance(element.get("Value"), list):
            continue
        tag = int(key, 16) if _KEY.fullmatch(key) else 0
        if vr == "SQ":
            if depth < _DEEPEST and tag not in _FUNCTIONAL_GROUPS:
                for item in element["Value"]:
                    if isinstance(item, dict):
                        yield from _texts_of_json(item, depth + 1)
        elif _is_identity(tag, vr):
            for one in element["Value"]:
                groups = one.values() if isinstance(one, dict) else (one,)
                yield from (text for text in groups if isinstance(text, str))


def _texts_of_file(dataset: Dataset, depth: int, inherited: tuple[str, ...]) -> Iterator[str]:
    elements = list(dataset.values())
    own = Dataset(
        {element.tag: element for element in elements}
    )  # what is looked into is converted
    charsets = _charsets(dataset) or inherited
    for element in sorted(elements, key=lambda one: vr_of(one) == "SQ"):
        tag, vr = int(element.tag), vr_of(element)
        if vr == "SQ":
            if depth < _DEEPEST and tag not in _FUNCTIONAL_GROUPS:
                for item in own[element.tag].value or ():
                    yield from _texts_of_file(item, depth + 1, charsets)
        elif _is_identity(tag, vr) and isinstance(element.value, bytes):
            for charset in charsets:
                yield element.value[:_LONGEST_TEXT].decode(charset, errors="ignore")


def vr_of(element: DataElement | RawDataElement) -> str:
    """The VR as the file says it, or of the dictionary where the file says none (or UN)."""
    if element.VR is None or element.VR == "UN":
        tag = int(element.tag)
        return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
    return str(element.VR)


def _charsets(dataset: Dataset) -> tuple[str, ...]:
    element = dataset.get_item(_SPECIFIC_CHARACTER_SET)
    if element is None or not isinstance(element.value, bytes):
        return ()
    names = element.value.decode("ascii", errors="replace").split("\\")
    return tuple({python_encoding.get(name.strip(" \0"), "iso8859"): None for name in names})


def _words(texts: Iterable[str]) -> Iterator[str]:
    """Each word once that is long enough and says something of a person or a place."""
    met: set[str] = set()
    for text in texts:
        whole = text[:_LONGEST_TEXT].strip(" \0")
        for word in (*_WORD.findall(whole), whole):
            folded = word.casefold()
            least = _LEAST_LETTERS if folded.isascii() else _LEAST_SIGNS
            if len(folded) >= least and folded not in met and not is_known_word(folded):
                met.add(folded)
                yield folded


@lru_cache(maxsize=64)
def _needles(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    """The bytes to look for in bytes whose ASCII letters are small, the shortest first."""
    words = islice(_words(texts), _MOST_WORDS)
    found = {needle for word in words for needle in _written(word) if len(needle) >= LEAST_BYTES}
    return tuple(sorted(found, key=lambda needle: (len(needle), needle)))


def _written(word: str) -> Iterator[bytes]:
    forms = {word}
    if not word.isascii():
        marks = unicodedata.normalize("NFKD", word)
        forms |= {word.upper(), word.capitalize(), marks}
        forms.add("".join(letter for letter in marks if not unicodedata.combining(letter)))
    for form in forms:
        for codec in _EVERYWHERE if form.isascii() else (*_EVERYWHERE, *_BEYOND_ASCII):
            try:
                yield form.encode(codec).lower()
            except UnicodeEncodeError:
                continue
