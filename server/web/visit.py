"""What a page's view is handed: who came, to which case, in which transaction, with which services."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.access.door import Admission
from server.access.permissions import Account, Action, Actor
from server.access.records import Launch
from server.archive import Archive
from server.cases.records import Case
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.foundation.settings import Settings


@dataclass(frozen=True)
class Services:
    """What the rooms need from outside, made once by `server.app`."""

    settings: Settings
    db: Database
    archive: Archive
    files: FileStore


@dataclass
class Visit:
    """One request that the door let in.

    `session` is a transaction that commits when the view of a changing request returns; in a reading
    request nothing is kept. `note` adds facts to the audit line of this request (never identity).
    """

    session: Session
    now: datetime
    admission: Admission
    services: Services
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        return self.admission.actor

    @property
    def account(self) -> Account:
        """The signed-in person; only routes that admit accounts may ask."""
        assert isinstance(self.actor, Account)
        return self.actor

    @property
    def case(self) -> Case:
        """The case that the address speaks of; only routes with a case may ask."""
        assert self.admission.case is not None
        return self.admission.case

    @property
    def launch(self) -> Launch:
        """The visit under `/r/<launch>/`; only such routes may ask."""
        assert self.admission.launch is not None
        return self.admission.launch

    def may(self, action: Action) -> bool:
        return self.admission.may(action)

    def note(self, **facts: Any) -> None:
        self.notes.update(facts)
