"""From the facts of a case to the row that is counted. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from server.annotations.fields import answer_at
from server.cases.clocks.business_days import Calendars
from server.cases.clocks.clock import Standing, Times, calendar_of, read_clock
from server.cases.clocks.stages import Stage, timeline
from server.cases.clocks.tiers import TierUnknown, tier_named
from server.cases.verdict_change import INCONCLUSIVE, verdict_change
from server.figures.facts import CaseFacts
from server.outcomes.value_sets import FINDINGS

# Raised whenever a row of the same case would come out differently: every row is then made again.
RULES_VERSION: Final = 1
STAGES: Final[tuple[Stage, ...]] = (
    Stage.INTAKE,
    Stage.RECORDS,
    Stage.ROUTING,
    Stage.REVIEW,
    Stage.OPINION,
)
NOT_ADEQUATE: Final = "not_adequate"


def values_of(facts: CaseFacts, calendars: Calendars, now: datetime) -> dict[str, Any]:
    """The columns of the case's `FigureRow`."""
    opinion, outcome = facts.opinion, facts.outcome
    answers = opinion.answers if opinion else {}
    first = facts.first_signed_at or (opinion.signed_at if opinion else None)
    values: dict[str, Any] = {
        "case_id": facts.case_id,
        "hospital_id": facts.hospital_id,
        "organ": facts.organ,
        "cancer": facts.cancer,
        "state": facts.state,
        "opened_on": facts.opened_at.date(),
        "opinion_on": first.date() if first and opinion else None,
        "reviewer_id": opinion.reviewer_id if opinion else "",
        "local_category": facts.local_category,
        "verdict": opinion.verdict if opinion else "",
        "verdict_change": _change(facts),
        "imaging_inconclusive": is_inconclusive(facts),
        "findings_mask": mask_of(facts.chosen_findings),
        "course": outcome.course if outcome else "",
        "not_operated_reason": outcome.not_operated_reason if outcome else "",
        "resection_margin": outcome.resection_margin if outcome else "",
        "converted": outcome.converted if outcome else "",
        "flr_predicted_ml": foreseen_ml(answers),
        "flr_after_ml": outcome.flr_after_ml if outcome else None,
        "computed_at": now,
    }
    return {**values, **stage_hours(facts, now), **_promise(facts, calendars, now)}


def _change(facts: CaseFacts) -> str:
    if facts.opinion is None:
        return ""
    return verdict_change(facts.local_category, facts.opinion.verdict, facts.organ).value


def is_inconclusive(facts: CaseFacts) -> bool:
    """Whether the imaging did not allow an answer: the verdict says so, or the surgeon judged it."""
    if facts.opinion is None:
        return False
    judged = facts.opinion.answers.get("imaging_adequacy")
    return facts.opinion.verdict == INCONCLUSIVE or judged == NOT_ADEQUATE


def foreseen_ml(answers: Any) -> float | None:
    """The remnant that the opinion foresaw, in mL."""
    value = answer_at(answers, ("flr_ml",))
    is_volume = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if is_volume else None


def mask_of(findings: tuple[str, ...] | None) -> int | None:
    """Bit n for the n-th category of FINDINGS; None where nobody chose any."""
    if findings is None:
        return None
    return sum(1 << place for place, one in enumerate(FINDINGS) if one in findings)


def in_mask(mask: int) -> tuple[str, ...]:
    """The categories of a mask."""
    return tuple(one for place, one in enumerate(FINDINGS) if mask >> place & 1)


def stage_hours(facts: CaseFacts, now: datetime) -> dict[str, int | None]:
    """Whole hours that the case spent in each stage before and with its first opinion, pauses left out.

    A stage that it is still in, or never came to, has none. What came after the first opinion was passed
    on belongs to another round and does not count.
    """
    steps = []
    for step in facts.steps:
        if step.event == "round_begun":
            break
        steps.append(step)
    spent: dict[Stage, timedelta] = {}
    still: set[Stage] = set()
    for span in timeline(facts.opened_at, steps, facts.pauses, now):
        if span.open:
            still.add(span.stage)
        if span.pause is None:
            spent[span.stage] = spent.get(span.stage, timedelta()) + span.lasted
    return {
        f"{stage.value}_h": _hours(spent[stage]) if stage in spent and stage not in still else None
        for stage in STAGES
    }


def _promise(facts: CaseFacts, calendars: Calendars, now: datetime) -> dict[str, Any]:
    """How long the clock ran until the first opinion, and whether the promise was kept."""
    nothing = {"promise_h": None, "kept_promise": None}
    done, complete = facts.first_signed_at, facts.complete_at
    if done is None or complete is None:
        return nothing
    try:
        tier = tier_named(facts.tier)
    except TierUnknown:
        return nothing
    pauses = [one for one in facts.pauses if one.begun_at < done]
    times = Times(complete, pauses, done)
    clock = read_clock(tier, calendar_of(tier, facts.calendar, calendars), times, now)
    kept = clock.standing is Standing.IN_TIME
    return {"promise_h": _hours(clock.ran), "kept_promise": kept}


def _hours(span: timedelta) -> int:
    return round(span.total_seconds() / 3600)
