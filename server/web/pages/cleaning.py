"""What a sender's browser is told about taking the identity out of images. Pure."""

from __future__ import annotations

import hmac
from typing import Any

from server.dicom.browser_rules import browser_rules


def cleaning_rules(secret_key: str, case_id: str, number: str) -> dict[str, Any]:
    """The rules, and the key from which the case's new identifiers are made.

    The same for everybody who sends to the case, so that two computers, or the same one tomorrow, give
    the same image the same new UID. It is another key than that of the pseudonyms which reviewers see.
    """
    key = hmac.digest(secret_key.encode(), f"uploads\0{case_id}".encode(), "sha256")
    return {**browser_rules(), "key": key.hex(), "label": number}
