"""Whether a file is still what was received: disks lose bits in silence, and Orthanc does not look."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import BinaryIO, Final

from server.archive import Archive, Instance, NotInArchive
from server.prepared.stored import NoFrames

# What was received so lately has hardly left the memory. Looking costs 2 ms a file, a quarter of what
# preparing it does, so only series are looked at that are prepared again, or very late.
FRESH_FOR: Final = timedelta(hours=1)
_PIECE_BYTES = 1024 * 1024


DAMAGED: Final = "Its file on the archive's disk is not what was received: send it again."
GONE: Final = "Its file is gone from the archive's disk: send it again."


class NotAsReceived(NoFrames):
    """A file whose MD5 is not the one that the archive noted when it received it."""


def check_sound(archive: Archive, instance: Instance, file: BinaryIO) -> None:
    """Raises NotAsReceived; passes where the archive noted no MD5. `file` is then at its beginning."""
    try:
        noted = archive.instance_md5(instance.orthanc_id).strip()
    except NotInArchive:
        return
    found = hashlib.md5(usedforsecurity=False)
    while piece := file.read(_PIECE_BYTES):
        found.update(piece)
    file.seek(0)
    if noted and found.hexdigest() != noted:
        raise NotAsReceived(DAMAGED)
