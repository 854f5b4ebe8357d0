"""The pseudonyms of one case: the same for the same original, another for every other case. Pure.

They are made with HMAC-SHA256 (RFC 2104) under a key of the case's own, so nobody without the key can
compute, confirm or undo them.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

# Transfer syntaxes, SOP classes, well-known frames of reference: names of nothing but a section of
# the standard, also those that no dictionary here knows yet.
_STANDARD_UID: Final = re.compile(r"1\.2\.840\.10008(?:\.[0-9]{1,4}){1,10}")
_MOST_REMEMBERED: Final = 200_000
_UID_BYTES: Final = 16  # PS3.5 B.2: the 128 bits behind 2.25


def is_standard(uid: str) -> bool:
    """Whether a UID is one that the standard itself defines."""
    return bool(_STANDARD_UID.fullmatch(uid))


class Pseudonyms:
    """What replaces the identifiers of one case. Safe to share between threads.

    `key` is the case's secret (16 bytes or more); `label` the case's number, which stands where the
    PatientID stood.
    """

    def __init__(self, key: bytes, label: str) -> None:
        if len(key) < 16:  # 128 bits, as for every secret here
            raise ValueError("the key of a case's pseudonyms has at least 16 bytes")
        self.patient_id = label
        self.patient_name = f"CASE^{label}"
        self._key = key
        self._uids: dict[str, str] = {}

    def uid(self, uid: str) -> str:
        """The UID shown for `uid`: itself where the standard defines it, else one below 2.25."""
        known = self._uids.get(uid)
        if known is None:
            known = uid if not uid or is_standard(uid) else self._made(uid)
            if len(self._uids) >= _MOST_REMEMBERED:
                self._uids.clear()
            self._uids[uid] = known
        return known

    def _made(self, uid: str) -> str:
        digest = hmac.digest(self._key, b"uid\0" + uid.encode(), "sha256")
        return f"2.25.{int.from_bytes(digest[:_UID_BYTES])}"

    def identifier(self, original: str) -> str:
        """What is shown for an accession number or another identifier: 12 characters, or ""."""
        text = original.strip()
        return self.digest(f"identifier\0{text}")[:12].upper() if text else ""

    def digest(self, what: str) -> str:
        """64 hexadecimal digits that belong to this case and `what`."""
        return hmac.digest(self._key, what.encode(), "sha256").hex()
