"""What a clock says, in sentences: the sum behind a promised day, and by when for those who wait. Pure."""

from __future__ import annotations

from datetime import date

from server.cases.clocks.clock import Clock, Standing
from server.cases.clocks.tiers import Counts, Tier
from server.cases.countries import country_in_sentence

MOST_NAMED = 4


def plain_day(day: date) -> str:
    """A day with its weekday: `Fri 2026-11-27`."""
    return f"{day:%a %Y-%m-%d}"


def number_of(count: int, unit: str) -> str:
    """A number of days: `1 business day`, `7 calendar days`."""
    return f"{count} {unit}" + ("" if count == 1 else "s")


def promise(tier: Tier) -> str:
    """What a tier promises: `within 7 calendar days, 14 at most`."""
    return f"within {number_of(tier.target_days, tier.unit)}, {tier.limit_days} at most"


def explained(clock: Clock) -> str:
    """The sum that gives the target, in one sentence; what would start the clock where it stands."""
    tier = clock.tier
    if clock.began_on is None or clock.target_on is None or clock.limit_on is None:
        return (
            f"The clock starts when the records are complete; the opinion is then promised "
            f"{promise(tier)}."
        )
    parts = [f"{number_of(tier.target_days, tier.unit)} from {plain_day(clock.began_on)}"]
    if tier.counts is Counts.BUSINESS:
        parts[0] += f" ({_whose(clock)})"
    if clock.paused_days:
        parts.append(f"{number_of(clock.paused_days, 'day')} paused{_waiting(clock)}")
    free = clock.calendar.days.left_out(clock.began_on, clock.target_on)
    if free:
        named = [f"{day:%Y-%m-%d} ({name})" for day, name in free[:MOST_NAMED]]
        more = f" and {len(free) - MOST_NAMED} more" if len(free) > MOST_NAMED else ""
        parts.append(f"not counting {', '.join(named)}{more}")
    return (
        f"{', '.join(parts)}: due {plain_day(clock.target_on)}, "
        f"at the latest {plain_day(clock.limit_on)}. Days are days of {clock.calendar.zone.key}."
    )


def _whose(clock: Clock) -> str:
    if not clock.calendar.name:
        return "Monday to Friday"
    return f"working days of {country_in_sentence(clock.calendar.name)}"


def _waiting(clock: Clock) -> str:
    who = list(dict.fromkeys(one.who for one in clock.pauses))
    return f" waiting for {' and '.join(who)}" if who else ""


def standing_words(clock: Clock) -> str:
    """How it stands, with its number of days: `2 business days left`, `overdue by 1 calendar day`."""
    unit, left = clock.tier.unit, clock.remaining_days
    match clock.standing:
        case Standing.RUNNING | Standing.SOON:
            return f"{number_of(left, unit)} left"
        case Standing.OVERDUE | Standing.PAST_LIMIT:
            return f"{clock.standing.words} by {number_of(-left, unit)}"
        case Standing.PAUSED if clock.target_on is None:
            return "paused before it started"
        case Standing.PAUSED:
            over = f"overdue by {number_of(-left, unit)}"
            rest = f"{number_of(left, unit)} left when it goes on"
            return f"paused, {over if left < 0 else rest}"
    return clock.standing.words
