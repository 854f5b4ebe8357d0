"""What the records of one case say, as far as figures are counted from it. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.cases.clocks.pauses import Pause
from server.cases.clocks.stages import Step
from server.outcomes.entered import Outcome

PANEL: Final = "panel"


@dataclass(frozen=True)
class SignedOpinion:
    """The opinion that counts: of the first round, the last one that was signed.

    `answers` are those of its annotation, `findings` the codes of requirement 43 that its author chose.
    `reviewer_id` is the person's, or PANEL for what a panel concluded; `issued_id` is the issued opinion's,
    empty where no document was issued.
    """

    signed_at: datetime
    verdict: str
    answers: Mapping[str, Any]
    schema_version: int
    reviewer_id: str
    findings: tuple[str, ...]
    issued_id: str = ""


@dataclass(frozen=True)
class CaseFacts:
    """One case as it was known at one moment.

    `country` is the hospital's, `calendar` the one whose business days count. `findings` are those a
    coordinator chose, None where nobody did.
    """

    case_id: str
    number: str
    organ: str
    cancer: str
    hospital_id: str
    country: str
    calendar: str
    tier: str
    state: str
    opened_at: datetime
    steps: tuple[Step, ...]
    pauses: tuple[Pause, ...]
    local_category: str
    opinion: SignedOpinion | None
    outcome: Outcome | None
    findings: tuple[str, ...] | None

    @property
    def first_signed_at(self) -> datetime | None:
        """When the case had its first opinion."""
        return next((one.at for one in self.steps if one.event == "opinion_signed"), None)

    @property
    def complete_at(self) -> datetime | None:
        """When the clock of the first opinion began: the records were complete for the first time."""
        return next((one.at for one in self.steps if one.event == "records_complete"), None)

    @property
    def chosen_findings(self) -> tuple[str, ...] | None:
        """The findings that count: the coordinator's, else its author's; None where nobody chose."""
        if self.findings is not None:
            return self.findings
        return (self.opinion.findings or None) if self.opinion else None
