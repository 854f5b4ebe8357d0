"""A copy of bytes that come once and are wanted again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import BinaryIO, cast

from server.dicomweb.media.multipart import KEPT_IN_MEMORY_BYTES


def copied(chunks: Iterable[bytes]) -> BinaryIO:
    """The bytes in a file of their own, to be closed by whoever asked: in memory when they are few, else
    a nameless one."""
    file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by the reader
    try:
        for chunk in chunks:
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    return cast(BinaryIO, file)
