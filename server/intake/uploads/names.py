"""Names in archives as people wrote them, where the archive does not say in which letters. Pure.

A name without the mark of UTF-8 is code page 437 by the format (APPNOTE 4.4.4), and whatever the sender's
computer used in truth: Windows in China writes GBK, in Japan Shift-JIS (code page 932), macOS UTF-8. A
wrong guess costs nothing but the name.
"""

from __future__ import annotations

import re
from typing import Final

_KANA: Final = range(0x3041, 0x30FF)
# Kanji and hanzi in use, and the full-width forms beside them.
_HAN: Final = range(0x4E00, 0x9FFF)
_WIDE: Final = range(0xFF01, 0xFF5F)
_PUNCTUATION: Final = range(0x3000, 0x3041)
_ALONE: Final = re.compile(r"(?<![^\x00-\x7f])[^\x00-\x7f][a-z]|[a-z][^\x00-\x7f](?![^\x00-\x7f])")
# GB 2312 orders the 3755 hanzi of daily use first: rows 16 to 55, in GBK these lead bytes.
_DAILY_LEAD: Final = range(0xB0, 0xD8)


def legible(raw: bytes) -> str:
    """The name that these bytes are, by the first of the ways in which they make sense."""
    if raw.isascii():
        return raw.decode("ascii")
    for read in (_utf8, _shift_jis_with_kana, _gbk, _shift_jis):
        name = read(raw)
        if name is not None:
            return name
    return raw.decode("cp437")


def _utf8(raw: bytes) -> str | None:
    return _decoded(raw, "utf-8")


def _shift_jis_with_kana(raw: bytes) -> str | None:
    """Kana are common in Japanese names of files; GBK read as Shift-JIS gives none, but half-width ones."""
    name = _decoded(raw, "cp932")
    if name is None or not any(ord(one) in _KANA for one in name):
        return None
    return name if _is_east_asian(name) else None


def _gbk(raw: bytes) -> str | None:
    """Chinese of daily use: other bytes decode as GBK too, into rare letters."""
    name = _decoded(raw, "gbk")
    if name is None or not _is_east_asian(name):
        return None
    leads = [letter.encode("gbk")[0] for letter in name if ord(letter) in _HAN]
    return name if leads and all(lead in _DAILY_LEAD for lead in leads) else None


def _shift_jis(raw: bytes) -> str | None:
    name = _decoded(raw, "cp932")
    return name if name is not None and _is_east_asian(name) else None


def _decoded(raw: bytes, letters: str) -> str | None:
    try:
        return raw.decode(letters)
    except UnicodeDecodeError:
        return None


def _is_east_asian(name: str) -> bool:
    """Whether all that is not ASCII is kana, kanji, hanzi or a full-width form, and none stands alone
    beside a small letter: there it is an accented letter and the one behind it, taken for a pair."""
    beyond = [ord(one) for one in name if not one.isascii()]
    known = all(
        one in _KANA or one in _HAN or one in _WIDE or one in _PUNCTUATION for one in beyond
    )
    return known and len(beyond) > 1 and _ALONE.search(name) is None
