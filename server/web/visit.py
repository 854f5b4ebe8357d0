"""What a page's view is handed: who came, to which case, in which transaction, with which services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy.orm import Session

from server.access.action import Action
from server.access.door import Admission
from server.access.permissions import Account, Actor, Holder
from server.access.records import Launch
from server.archive import Archive
from server.cases.clocks.queries import calendars_of
from server.cases.records import Case
from server.foundation.clock import Clock
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.foundation.settings import Settings


class CaseView(Protocol):
    """How a visitor sees the archive's data: as it is, or under the case's pseudonyms. The same at
    the images, so that a page, the panel and the viewer speak of the same UIDs."""

    def real(self, uid: str) -> str | None:
        """The archive's UID for one that this visitor sent; None when nothing here has it."""
        ...

    def shown(self, uid: str) -> str:
        """The UID under which this visitor knows the archive's `uid`."""
        ...

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        """A dataset in the DICOM JSON Model as this visitor may see it; None when withheld."""
        ...


@dataclass(frozen=True)
class Services:
    """What the rooms need from outside, made once by `server.app`."""

    settings: Settings
    db: Database
    archive: Archive
    files: FileStore
    view_of: Callable[[Admission], CaseView]
    clock: Clock


@dataclass
class Visit:
    """One request that the door let in.

    `session` is a transaction that commits when the view of a changing request returns; in a reading
    request nothing is kept. `note` adds facts to the audit line of this request (never identity);
    `found` is what was found out once for all who ask in this request. `readmit` asks the door once more,
    for a view that takes bytes for minutes: it raises what the door raises.
    """

    session: Session
    now: datetime
    admission: Admission
    services: Services
    notes: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    readmit: Callable[[], None] = lambda: None

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

    @property
    def lasts(self) -> timedelta:
        """How long a visit lasts that begins now."""
        return timedelta(hours=self.services.settings.launch_valid_hours)

    @cached_property
    def today(self) -> date:
        """The day that it is where the service is."""
        return calendars_of(self.session).today(self.now)

    @property
    def pseudonymised(self) -> bool:
        """Whether this visitor may not learn whose case it is."""
        return isinstance(self.actor, Holder) and self.actor.pseudonymised

    @cached_property
    def view(self) -> CaseView:
        """How this visitor sees the case's studies."""
        return self.services.view_of(self.admission)

    def may(self, action: Action) -> bool:
        return self.admission.may(action)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A change that leaves nothing behind when it is refused, so that a page can show its form again
        in the same transaction, beside what is kept by then: `with visit.attempt(): ...`."""
        try:
            with self.session.begin_nested():
                yield
        except Exception:
            # Who was refused because somebody else was faster is shown what that one kept.
            self.session.expire_all()
            raise

    def note(self, **facts: Any) -> None:
        self.notes.update(facts)
