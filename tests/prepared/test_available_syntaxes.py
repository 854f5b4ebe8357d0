"""In which transfer syntaxes a prepared instance is said to be had."""

from __future__ import annotations

from typing import Any

import pytest

from server.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    HTJ2K_RPCL,
    IMPLICIT_LITTLE,
    JPEG_BASELINE,
    RLE,
)
from server.prepared.concluding import available_syntaxes
from server.prepared.manifest import PreparedInstance

MPEG_4 = "1.2.840.10008.1.2.4.102"


@pytest.mark.parametrize(
    ("stored", "kept", "said"),
    [
        (IMPLICIT_LITTLE, {"frame_syntax": HTJ2K_RPCL}, [HTJ2K_RPCL, None]),
        (EXPLICIT_LITTLE, {"frame_syntax": HTJ2K_RPCL}, [HTJ2K_RPCL, None]),
        (JPEG_BASELINE, {"frame_syntax": JPEG_BASELINE}, [JPEG_BASELINE, None]),
        (IMPLICIT_LITTLE, {"frame_bytes": ()}, [None]),  # a report
        (EXPLICIT_LITTLE, {"BitsAllocated": 1}, [None]),
        (RLE, {"BitsAllocated": 1}, [RLE]),
        (IMPLICIT_LITTLE, {"BitsAllocated": 1}, [None]),
        (RLE, {"frame_bytes": (10, 0), "problem": "frame 2 cannot be read"}, [RLE]),
        (MPEG_4, {"problem": "this is a film"}, [MPEG_4]),
        ("", {}, []),
    ],
)
def test_only_what_is_sure_to_be_given_is_said_once(
    stored: str, kept: dict[str, Any], said: list[str | None]
) -> None:
    one = PreparedInstance("1.2.3", "1.2.4", "id", stored, **{"frame_bytes": (10,), **kept})
    assert available_syntaxes(one) == [uid or EXPLICIT_LITTLE for uid in said]
