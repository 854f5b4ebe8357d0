"""What belongs together on paper: findings of one value, vessels without contact, sets that are silent.

Pure, and for the printed page alone: what is kept, hashed and exported stays one by one. Nothing is left
out, and what was not assessed is never put together with what was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.opinions.document import Evaluation, Opinion, Row, Section, VesselContact
from server.opinions.wording import computed, tone, trust_mark
from server.opinions.words import ENGLISH, Words

# The section of what moved since the round before is printed ahead of the findings.
COMPARED_TITLE: Final = "Compared with the time point before"
FEWEST_ROWS: Final = 4
FEWEST_VESSELS: Final = 3
MOST_INTERVALS: Final = 3  # more sets without a decision are only named on the first page
MOST_LINES: Final = 8


@dataclass(frozen=True)
class Computed:
    """The computed categories as the first page says them: each category with the sets that compute
    it, the sets that do not decide where there are too many of them for their intervals, and the sets
    for which this page has no room.
    """

    lines: tuple[tuple[str, str], ...] = ()
    undecided: str = ""
    further: str = ""


def gathered_rows(section: Section) -> tuple[Row, ...]:
    """The rows of a section; of four or more that begin alike (“Metastases: Liver”), those of one
    value in one row (“Metastases: none seen” beside their names), the fewest first.
    """
    alike: dict[str, list[Row]] = {}
    for row in section.rows:
        alike.setdefault(_beginning(row), []).append(row)
    found: list[Row] = []
    for row in section.rows:
        beginning = _beginning(row)
        group = alike[beginning]
        if not beginning or not _worth_it(group):
            found.append(row)
        elif row is group[0]:
            found += _by_value(beginning, group, section.title)
    return tuple(found)


def _beginning(row: Row) -> str:
    """By what rows belong together; empty for one with a note, which stands by itself."""
    beginning, colon, _ = row.label.partition(": ")
    return beginning if colon and not row.note else ""


def _worth_it(group: list[Row]) -> bool:
    return len(group) >= FEWEST_ROWS and 2 * len({row.value_text for row in group}) <= len(group)


def _by_value(beginning: str, group: list[Row], title: str) -> list[Row]:
    names: dict[str, list[str]] = {}
    for row in group:
        names.setdefault(row.value_text, []).append(row.label.partition(": ")[2])
    start = "" if beginning == title else f"{beginning}: "
    rarest_first = sorted(names.items(), key=lambda one: len(one[1]))
    return [Row(f"{start}{value}", "; ".join(them)) for value, them in rarest_first]


def vessels_apart(opinion: Opinion) -> tuple[VesselContact, ...]:
    """The vessels that have a row of their own: all that are touched, unknown, or said anything of."""
    clear = vessels_clear(opinion)
    return tuple(vessel for vessel in opinion.vessels if vessel not in clear)


def vessels_clear(opinion: Opinion) -> tuple[VesselContact, ...]:
    """The vessels that were assessed and are without contact, of which nothing else was recorded; none
    where they are too few to stand together.
    """
    clear = tuple(vessel for vessel in opinion.vessels if _is_clear(vessel))
    return clear if len(clear) >= FEWEST_VESSELS else ()


def _is_clear(vessel: VesselContact) -> bool:
    said = (vessel.contour, vessel.thrombus, vessel.reconstructable, vessel.note)
    return vessel.contact_deg == 0 and vessel.kind != "haze_only" and not any(said)


def sets_that_speak(opinion: Opinion) -> tuple[Evaluation, ...]:
    """The criteria sets that say something of these findings, or would if none were missing."""
    return tuple(one for one in opinion.evaluations if _speaks(one))


def sets_that_are_silent(opinion: Opinion) -> tuple[Evaluation, ...]:
    """The sets that are for another tumour or another situation."""
    return tuple(one for one in opinion.evaluations if not _speaks(one))


def _speaks(one: Evaluation) -> bool:
    return one.category is not None or bool(one.interval_label or one.fired or one.missing)


def doubtful(evaluation: Evaluation, words: Words = ENGLISH) -> list[str]:
    """The marks of trust on a set's category: none where a rule that carries it is sourced."""
    trusts = dict.fromkeys(fired.trust.lower() for fired in evaluation.fired)
    return [] if "sourced" in trusts else [trust_mark(one, words) for one in trusts if one]


def _title(evaluation: Evaluation, words: Words) -> str:
    marks = words["comma"].join(doubtful(evaluation, words))
    return f"{evaluation.title} ({marks})" if marks else evaluation.title


def computed_shortly(opinion: Opinion, words: Words = ENGLISH) -> Computed:
    """The computed categories for the first page, in the order of the sets. Where there are many, those
    about resectability and the remnant come before stages and scores; silent sets are left to the
    section about the criteria.
    """
    found: dict[str, list[str]] = {}
    judging: set[str] = set()
    speaking = sets_that_speak(opinion)
    undecided = [one.title for one in speaking if one.category is None]
    too_many = len(undecided) > MOST_INTERVALS
    for one in speaking:
        if one.category is not None or not too_many:
            said = computed(one, words)
            found.setdefault(said, []).append(_title(one, words))
            if tone(one.category) != "neutral":
                judging.add(said)
    wanted = sorted(found, key=lambda said: said not in judging)[:MOST_LINES]
    comma = words["comma"]
    return Computed(
        tuple((said, comma.join(titles)) for said, titles in found.items() if said in wanted),
        comma.join(undecided) if too_many else "",
        comma.join(title for said in found if said not in wanted for title in found[said]),
    )
