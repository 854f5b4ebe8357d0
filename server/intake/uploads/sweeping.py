"""Forgetting the bytes of uploads that nobody needs any more, and what discs listed."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from typing import Final

from server.foundation.db import Database
from server.intake.uploads.actions import sweep
from server.intake.uploads.disc_notes import note_missing
from server.intake.uploads.queries import active_ids
from server.intake.uploads.resumable import LISTING, UploadFolder

# A file is made before its row is committed: one that is younger may be about to get its row.
YOUNGEST_STRAY_S: Final = 3600.0
# What a disc should have is compared for so long with what comes.
LISTINGS_KEPT_S: Final = 7 * 86_400.0


def tidy(db: Database, folder: UploadFolder, now: datetime) -> None:
    """Give up uploads whose time is over, and delete what belongs to none. Repeatable."""
    with db.writing() as session:
        sweep(session, now)
    held = folder.held()
    if not held:
        return
    note_missing(db, folder, now)
    with db.reading() as session:
        needed = active_ids(session)
    for upload_id in held - needed:
        for path in folder.folder.glob(f"{upload_id}*"):
            least = LISTINGS_KEPT_S if LISTING in path.name else YOUNGEST_STRAY_S
            if time.time() - path.stat().st_mtime < least:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
