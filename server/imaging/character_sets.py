"""Texts of files whose character set is declared wrongly or not at all.

Descriptions name the phase and the part of the body; exports and converters often write them in the
letters of their own country without saying so (SpecificCharacterSet, PS3.3 C.12.1.1.2). What is
declared and fits is believed; else the bytes themselves tell, where they can tell without doubt.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, Final

from pydicom.charset import decode_bytes, python_encoding

# Where a character set begins anew (PS3.5 6.1.2.5.3).
_ENDS: Final = set(b"\\")
_ENDS_OF_NAME: Final = set(b"\\^=")
_ONE_BYTE: Final = frozenset({"iso8859", "latin_1"})
_BY_ESCAPE: Final = ("iso2022_jp", "iso2022_jp_2", "euc_kr", "iso_ir_58")
_ESCAPE: Final = b"\x1b"
# Letters of GB 2312 come in pairs of these bytes. Four of them in a row are two Chinese letters; four
# accented letters in a row are no word of a European language.
_GB_PAIRS: Final = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
# Letters of Japanese, Chinese and Korean texts, with the signs between them; and of western Europe's.
_SIGNS_OF_CHINESE: Final = r"\x20-\x7e\u3000-\u303f\uff01-\uff60"
_GUESSES: Final = (
    ("utf-8", re.compile(r".*", re.DOTALL)),
    ("cp932", re.compile(rf"[{_SIGNS_OF_CHINESE}\u3041-\u30ff\u4e00-\u9fff\uff61-\uff9f]*")),
    ("gb18030", re.compile(rf"[{_SIGNS_OF_CHINESE}\u4e00-\u9fff]*")),
    ("cp949", re.compile(rf"[{_SIGNS_OF_CHINESE}\uac00-\ud7a3]*")),
    ("big5", re.compile(rf"[{_SIGNS_OF_CHINESE}\u4e00-\u9fff]*")),
    ("euc_jp", re.compile(rf"[{_SIGNS_OF_CHINESE}\u3041-\u30ff\u4e00-\u9fff]*")),
    ("latin-1", re.compile(r"[\x20-\x7e\xa0-\xff]*")),
)
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]+")
_FEWEST_BYTES: Final = 4


def encodings_of(declared: Any) -> list[str]:
    """Python's names for the values of SpecificCharacterSet: bytes, a text, several, or None."""
    if isinstance(declared, bytes):
        declared = declared.decode("ascii", "replace").split("\\")
    elif declared is None or isinstance(declared, str):
        declared = [declared or ""]
    return [python_encoding.get(str(name).strip(" \0"), "utf-8") for name in declared] or [
        "iso8859"
    ]


def decoded(raw: bytes, encodings: Sequence[str], *, is_name: bool = False) -> str:
    """The text of these bytes. Never raises: what nobody can read is read as Latin letters."""
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    if _ESCAPE in raw:
        known = [*encodings, *(one for one in _BY_ESCAPE if one not in encodings)]
        return _declared(raw, known, is_name)
    is_unicode = _is_unicode(raw)
    if (is_one_byte(encodings) and is_unicode) or (encodings[0].lower() in ("utf8", "utf-8")):
        if is_unicode:
            return raw.decode("utf-8")
        return raw.decode("gb18030" if _is_chinese(raw) else "latin-1", "replace")
    if is_one_byte(encodings) and _is_chinese(raw):
        return raw.decode("gb18030", "replace")
    return _declared(raw, encodings, is_name)


def is_one_byte(encodings: Sequence[str]) -> bool:
    """Whether the declared character set is none at all, or the Latin letters that exports write there
    without looking.
    """
    return set(encodings) <= _ONE_BYTE


def guesses(raw: bytes) -> tuple[str, ...]:
    """What these bytes of no declared character set may say as well, the likeliest first: only readings
    whose letters are all of the country in question. Good to look for known words in, not to be shown.
    """
    if raw.isascii():
        return ()
    found = []
    for encoding, letters in _GUESSES:
        try:
            text = raw.decode(encoding).strip(" \0")
        except UnicodeDecodeError:
            continue
        if letters.fullmatch(text):
            found.append(text)
    return tuple(dict.fromkeys(found))


def _declared(raw: bytes, encodings: Sequence[str], is_name: bool) -> str:
    text = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that cannot be read a mark is left
            text = decode_bytes(raw, list(encodings), _ENDS_OF_NAME if is_name else _ENDS)
    except (LookupError, UnicodeError):
        pass
    fits = text is not None and "\ufffd" not in text
    if not fits and not raw.isascii() and _is_unicode(raw):
        return raw.decode("utf-8")  # whatever is declared
    return text if text is not None else raw.decode("latin-1")


def _is_unicode(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _is_chinese(raw: bytes) -> bool:
    runs = _NOT_ASCII.findall(raw)
    return max(map(len, runs), default=0) >= _FEWEST_BYTES and all(
        _GB_PAIRS.fullmatch(run) for run in runs
    )
