"""The seal on the PDF of an opinion or an addendum: a signature by the server's key.

PAdES baseline B-B (ETSI EN 319 142-1). Only a process that prints loads this. The signature is an
incremental update: the first bytes of the file are the document as it was printed. It certifies the
document, so that no later change is allowed.
"""

from __future__ import annotations

import io

from asn1crypto.keys import PrivateKeyInfo  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from server.opinions.document import Opinion
from server.opinions.seal_key import SealKey

FIELD_NAME = "MarginSeal"


def sealed(pdf: bytes, opinion: Opinion, key: SealKey) -> bytes:
    """The PDF with the server's seal. The seal names the opinion and who signed it, never a patient."""
    checked = opinion.verification
    return sealed_as(
        pdf,
        key,
        reason=f"Opinion {opinion.number}, signed by {opinion.signer.name}, sealed by Margin",
        mark=f"margin-opinion {opinion.number} {checked.code}" if checked else "",
    )


def sealed_as(pdf: bytes, key: SealKey, *, reason: str, mark: str) -> bytes:
    """A PDF with the server's seal. `mark` is what `server.opinions.verifying.mark_in` reads: what the
    document is, its number and its code, in ASCII.
    """
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([Certificate.load(one) for one in key.chain])
    signer = signers.SimpleSigner(
        signing_cert=Certificate.load(key.certificate),
        signing_key=PrivateKeyInfo.load(key.key),
        cert_registry=store,
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD_NAME,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason=reason,
        # In ASCII and not compressed, so that whoever has the file finds what to ask at /verify.
        location=mark or None,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    field = fields.SigFieldSpec(FIELD_NAME, readable_field_name="Seal of the issuing server")
    out = io.BytesIO()
    signers.PdfSigner(metadata, signer, new_field_spec=field).sign_pdf(writer, output=out)
    return out.getvalue()
