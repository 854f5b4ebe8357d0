"""What a client will take: Accept headers, and choosing among what we have. Pure.

PS3.18 8.7 (media types) and RFC 9110 12.5.1 (Accept). Clients write the same wish in many ways:
quoted and unquoted parameters, the transfer syntax inside the quotes of `type`, several headers
merged into one, `*`. All of them are understood; what cannot be read is passed over like a type we
do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from server.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    HTJ2K_RPCL,
    IMPLICIT_LITTLE,
    NOT_FOR_THE_WEB,
)
from server.foundation.errors import NotAcceptable

ANYTHING = "*/*"
ANY_IMAGE = "image/*"
DICOM = "application/dicom"
JSON = "application/dicom+json"
OCTETS = "application/octet-stream"
MULTIPART = "multipart/related"
LONGEST_HEADER = 8192

# Their pixels in memory are the same bytes, so both leave as Explicit VR Little Endian.
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE})

# PS3.18 Table 8.7.3-5: the media type of frames by the transfer syntax they are stored in.
IMAGE_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
}
# The same table: what an image type means when no transfer syntax is named with it.
DEFAULT_SYNTAXES = {
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jphc": "1.2.840.10008.1.2.4.201",
}
_OLD_NAMES = {"image/x-jls": "image/jls", "image/x-dicom-rle": "image/dicom-rle"}


@dataclass(frozen=True)
class Wish:
    """One media range of an Accept header.

    For `multipart/related`, `kind` is the type of its parts and `multipart` is True; else `kind` is
    the type itself. `transfer_syntax` is a UID, `*`, or None when the client named none. 0 < `q` <=
    1. `named`: the types that the same header speaks of by their own names, so that a range with a
    `*` says nothing of them (RFC 9110 12.5.1).
    """

    kind: str
    multipart: bool
    transfer_syntax: str | None
    q: float
    named: frozenset[str] = frozenset()

    def covers(self, media_type: str) -> bool:
        """Whether this range includes `media_type`, parameters aside."""
        if media_type in self.named:
            return False
        family = media_type.partition("/")[0]
        return self.kind in (media_type, ANYTHING, f"{family}/*")


@dataclass(frozen=True)
class FrameForm:
    """In which form frames leave."""

    media_type: str
    transfer_syntax: str
    multipart: bool


@lru_cache(maxsize=512)
def read_accept(header: str) -> tuple[Wish, ...]:
    """The wishes of an Accept header, best first. An empty header wishes for anything."""
    if not header.strip():
        return (Wish(ANYTHING, False, None, 1.0),)
    if len(header) > LONGEST_HEADER:
        return ()
    ranges = [wish for piece in _split(header, ",") if (wish := _wish(piece)) is not None]
    wishes = [_beside(ranges, wish) for wish in ranges if wish.q]
    specific = sorted(wishes, key=lambda wish: wish.kind.count("*"))
    return tuple(sorted(specific, key=lambda wish: -wish.q))


def _wish(piece: str) -> Wish | None:
    name, *rest = (part.strip() for part in _split(piece, ";"))
    name = name.lower()
    if name.count("/") != 1 or not all(name.split("/")) or " " in name:
        return None
    parameters = dict(_parameters(rest))
    try:
        q = float(parameters.get("q", "1"))
    except ValueError:
        return None
    if not 0 <= q <= 1 or parameters.get("transfer-syntax") in NOT_FOR_THE_WEB:
        return None
    multipart = name in (MULTIPART, "multipart/*")
    kind = parameters.get("type", ANYTHING).lower() if multipart else name
    return Wish(
        kind=_OLD_NAMES.get(kind, kind),
        multipart=multipart,
        transfer_syntax=parameters.get("transfer-syntax"),
        q=q,
    )


def _beside(ranges: list[Wish], wish: Wish) -> Wish:
    """The wish, knowing which types the header names one by one, perhaps to refuse them (q=0)."""
    if "*" not in wish.kind:
        return wish
    named = {
        one.kind
        for one in ranges
        if one.multipart == wish.multipart and one.transfer_syntax is None and "*" not in one.kind
    }
    return replace(wish, named=frozenset(named))


def read_media_type(header: str) -> tuple[str, dict[str, str]]:
    """A Content-Type in lower case and its parameters, quoted or not: clients write
    `type=application/dicom` without the quotation marks that its slash demands.
    """
    name, *rest = _split(header, ";")
    return name.strip().lower(), dict(_parameters(rest))


def _parameters(pieces: list[str]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        name, _, value = piece.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"').strip()
        # Orthanc and its kin write type="application/octet-stream; transfer-syntax=…".
        inner, *more = value.split(";")
        yield name, inner.strip()
        yield from _parameters(more)


def _split(text: str, separator: str) -> Iterator[str]:
    start, quoted = 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def choose(wishes: tuple[Wish, ...], offered: tuple[str, ...]) -> str:
    """The first offered plain media type that the client takes. Raises NotAcceptable."""
    for wish in wishes:
        for media_type in offered:
            if not wish.multipart and wish.covers(media_type):
                return media_type
    raise nothing_acceptable(offered)


def choose_dicom(wishes: tuple[Wish, ...], *, single: bool) -> tuple[tuple[bool, str | None], ...]:
    """How DICOM files may leave, best first: (as multipart, transfer syntax asked for: a UID, `*` or
    None) each.

    One instance may also leave alone as `application/dicom` (`single`). Raises NotAcceptable.
    """
    found: list[tuple[bool, str | None]] = []
    for wish in wishes:
        if wish.kind != ANYTHING and not wish.covers(DICOM):
            continue
        if wish.multipart or wish.kind == ANYTHING:
            found.append((True, wish.transfer_syntax or ("*" if wish.kind == ANYTHING else None)))
        elif single:
            found.append((False, wish.transfer_syntax))
    if not found:
        raise nothing_acceptable((f'{MULTIPART}; type="{DICOM}"',))
    return tuple(dict.fromkeys(found))


def choose_frames(
    wishes: tuple[Wish, ...],
    have: tuple[str, ...],
    *,
    single: bool,
    can_make: Callable[[str], bool] = lambda _: False,
) -> FrameForm:
    """In which form frames leave. Raises NotAcceptable.

    `have`: the transfer syntaxes in which they lie ready, the one for `transfer-syntax=*` first, the
    one they are stored in last; `can_make` says of any other whether it can be made of them.
    Explicit VR Little Endian is believed to be makeable always. Named no transfer syntax, octets
    are Explicit VR Little Endian (PS3.18 8.7.3.5.2). Only one frame (`single`) can leave without a
    multipart wrapping.
    """
    for wish in wishes:
        multipart = wish.multipart or wish.kind == ANYTHING
        if not multipart and not single:
            continue
        for media_type, syntax in _frame_forms(wish, have):
            if syntax == EXPLICIT_LITTLE or syntax in have or can_make(syntax):
                return FrameForm(media_type, syntax, multipart)
    raise nothing_acceptable((f'{MULTIPART}; type="{OCTETS}"; transfer-syntax=*',))


def _frame_forms(wish: Wish, have: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What would answer a wish, best first, whether it can be made or not."""
    named = wish.transfer_syntax not in (None, "*")
    if wish.kind == ANYTHING and wish.transfer_syntax is None:
        yield IMAGE_TYPES.get(have[-1], OCTETS), have[-1]
    elif wish.covers(OCTETS):
        if named:
            yield OCTETS, str(wish.transfer_syntax)
        else:
            yield OCTETS, have[0] if wish.transfer_syntax == "*" else EXPLICIT_LITTLE
    elif named:
        image = IMAGE_TYPES.get(str(wish.transfer_syntax))
        if image and wish.covers(image):
            yield image, str(wish.transfer_syntax)
    else:
        for syntax in have:
            if syntax in IMAGE_TYPES and wish.covers(IMAGE_TYPES[syntax]):
                yield IMAGE_TYPES[syntax], syntax
        if wish.kind == ANY_IMAGE:  # as it will be once it is prepared
            yield IMAGE_TYPES[HTJ2K_RPCL], HTJ2K_RPCL
        if wish.kind in DEFAULT_SYNTAXES:
            yield wish.kind, DEFAULT_SYNTAXES[wish.kind]


def nothing_acceptable(offered: tuple[str, ...]) -> NotAcceptable:
    """The error that tells a client what it could have asked for."""
    return NotAcceptable(
        "None of the media types in the Accept header can be given here.",
        remedy=f"Ask for {' or '.join(offered)}.",
    )
