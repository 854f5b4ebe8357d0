"""What a reader's program makes of the seal on a PDF."""

from __future__ import annotations

import io
from dataclasses import dataclass

from asn1crypto.x509 import Certificate
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext


@dataclass(frozen=True)
class SealState:
    """`intact` says that the sealed bytes are as they were, `trusted`
    that the seal is of the key asked for, `whole` that nothing was added behind it.
    """

    intact: bool
    trusted: bool
    whole: bool

    @property
    def good(self) -> bool:
        """Whether the file is what was sealed, all of it, by that key."""
        return self.intact and self.trusted and self.whole


def seal_state(pdf: bytes, certificate: bytes) -> SealState | None:
    """What the seal of a PDF is worth to somebody who trusts `certificate` (DER); None where there is
    no seal, or the file is no PDF any more.
    """
    try:
        found = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        if not found:
            return None
        context = ValidationContext(
            trust_roots=[Certificate.load(certificate)], allow_fetching=False
        )
        status = validate_pdf_signature(found[0], context)
    except (PdfError, ValueError, KeyError):
        return None
    return SealState(
        intact=bool(status.intact and status.valid),
        trusted=bool(status.trusted),
        whole=bool(status.bottom_line) and status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
    )
