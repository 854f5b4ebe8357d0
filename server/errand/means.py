"""What a job works with."""

from __future__ import annotations

from typing import Any

from server.archive import Archive
from server.foundation.clock import Clock, utc_now
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.foundation.settings import Settings
from server.intake.queries import not_served
from server.notices.delivering import Outbox
from server.prepared.eviction import MB, Room
from server.prepared.shelf import Shelf

Payload = dict[str, Any]


class Errand:
    """What a job works with; `clock` is what time it is to all that the job does."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self.db = Database(settings.database_url)
        self.archive = Archive.of(settings, self._not_served)
        self.files = FileStore(settings.files_dir)
        self.room = Room(settings.cache_dir, settings.cache_mb * MB)
        self.shelf = Shelf(settings.cache_dir)
        self.outbox = Outbox(self.db, settings, clock=clock)
        self.job_id = ""

    def _not_served(self, StudyInstanceUID: str) -> frozenset[str]:
        with self.db.reading() as session:
            return not_served(session, StudyInstanceUID)
