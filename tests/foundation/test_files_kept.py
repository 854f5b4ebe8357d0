"""What somebody left half-written who was killed is cleared away; what is kept, and what is new, stays."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from server.foundation.files import FileStore


def test_half_a_file_is_cleared_away_when_nobody_writes_on_it_any_more(
    tmp_path: Path, now: datetime
) -> None:
    store = FileStore(tmp_path)
    kept = store.path(store.put(b"a whole document"))
    left, being_written = kept.with_name("tmp0123abcd"), kept.with_name("tmp4567abcd")
    for path, changed_at in ((left, now), (being_written, now + timedelta(days=1)), (kept, now)):
        path.touch()
        os.utime(path, (changed_at.timestamp(),) * 2)
    assert store.clear_half_written(now + timedelta(hours=1)) == 1
    assert sorted(kept.parent.iterdir()) == sorted([kept, being_written])
