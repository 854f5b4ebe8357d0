"""Forgetting the bytes of uploads that nobody needs any more."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from typing import Final

from server.foundation.db import Database
from server.intake.uploads.actions import sweep
from server.intake.uploads.queries import active_ids
from server.intake.uploads.resumable import UploadFolder

# A file is made before its row is committed: one that is younger may be about to get its row.
YOUNGEST_STRAY_S: Final = 3600.0


def tidy(db: Database, folder: UploadFolder, now: datetime) -> None:
    """Give up uploads whose time is over, and delete what belongs to none. Repeatable."""
    with db.writing() as session:
        sweep(session, now)
    held = folder.held()
    if not held:
        return
    with db.reading() as session:
        needed = active_ids(session)
    for upload_id in held - needed:
        for path in folder.folder.glob(f"{upload_id}*"):
            if time.time() - path.stat().st_mtime < YOUNGEST_STRAY_S:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
