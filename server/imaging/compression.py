"""Whether pixels were compressed with loss, and how far. Pure.

Lossy is what says so (0028,2110), what names a ratio above 1 (0028,2112), and what is stored in a
syntax that always loses, whatever the flag says: flags are copied, forgotten and wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.imaging.headers import Header, finite

# PS3.5 10 and A.4: syntaxes that always lose. JPEG-LS near-lossless (.81), JPEG 2000 (.91), JPEG XL
# (.112) and HTJ2K (.203) may or may not: the flag has to say.
_ALWAYS_LOSSY: Final = frozenset(
    {
        "1.2.840.10008.1.2.4.50",  # JPEG baseline
        "1.2.840.10008.1.2.4.51",  # JPEG extended
        *(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)),  # MPEG
        "1.2.840.10008.1.2.4.111",  # JPEG XL of a JPEG
    }
)
_NEAR_LOSSLESS: Final = "1.2.840.10008.1.2.4.81"
LOST: Final = "01"  # PS3.3 C.7.6.1.1.5


@dataclass(frozen=True)
class Compression:
    """`ratio` is original to compressed, such as 12.0 for 12:1; None when nobody says. `evidence` is
    a sentence, `flag_lies` whether the image says not to be lossy and is.
    """

    is_lossy: bool
    ratio: float | None = None
    flag_lies: bool = False
    evidence: str = ""


def compression_of(headers: Sequence[Header]) -> Compression:
    """The worst of a series: one lossy image makes it lossy, the highest ratio counts."""
    kinds = {
        (
            one.text("LossyImageCompression"),
            one.texts("LossyImageCompressionRatio"),
            one.TransferSyntaxUID,
        )
        for one in headers
    }
    found = [judged for kind in kinds if (judged := _judge(*kind)).is_lossy]
    if not found:
        return Compression(False)
    worst = max(found, key=lambda one: (one.ratio is not None, one.ratio or 0.0, one.evidence))
    return Compression(True, worst.ratio, any(one.flag_lies for one in found), worst.evidence)


def _judge(flag: str, ratios: tuple[str, ...], syntax: str) -> Compression:
    numbers = [number for text in ratios if (number := finite(text)) is not None and number > 1]
    ratio = max(numbers, default=None)
    by_syntax = syntax in _ALWAYS_LOSSY or (syntax == _NEAR_LOSSLESS and flag != "00")
    if not (flag == LOST or numbers or by_syntax):
        return Compression(False)
    lies = flag == "00" or (by_syntax and not flag)
    said = f"compressed {ratio:g}:1" if ratio else "no ratio is given"
    if by_syntax:
        denied = " although LossyImageCompression says 00" if flag == "00" else ""
        return Compression(
            True, ratio, lies, f"Stored in the lossy syntax {syntax}{denied}; {said}."
        )
    why = "LossyImageCompression is 01" if flag == LOST else "a compression ratio is given"
    return Compression(True, ratio, lies, f"{why[0].upper()}{why[1:]}; {said}.")
