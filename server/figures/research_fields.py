"""The fields of a research export: each with its type, unit, meaning, and where it comes from. Pure.

No field holds text that a person wrote, no identifier of the case, the patient, the hospital or the
reviewer, and no day of a calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from server.annotations.fields import Field, answer_at
from server.annotations.organs import ORGANS
from server.cases.clocks.business_days import Calendars
from server.cases.local_category import LOCAL_CATEGORIES
from server.cases.verdict_change import Change
from server.figures.facts import CaseFacts
from server.figures.rows import STAGES, values_of
from server.outcomes import value_sets

Value = str | int | float | bool | None
# Of the form these are left out whole: references to images, which name them.
LEFT_OUT: Final = frozenset({"evidence"})


@dataclass(frozen=True)
class ResearchField:
    """One column. `values` are its codes where it has such; `source` names where it is defined."""

    name: str
    type: str
    meaning: str
    source: str
    unit: str = ""
    values: tuple[str, ...] = ()


def _code(name: str, meaning: str, source: str, values: Any) -> ResearchField:
    return ResearchField(name, "code", meaning, source, values=tuple(values))


def _days(name: str, meaning: str) -> ResearchField:
    return ResearchField(name, "integer", meaning, "Margin, steps of the case", "d")


_OUTCOME: Final = "Margin, outcome form"
CASE_FIELDS: Final[tuple[ResearchField, ...]] = (
    ResearchField("case", "string", "Pseudonym of the case, of this export only", "keyed hash"),
    _code("organ", "Organ of the form", "Margin, organs", ORGANS),
    ResearchField("cancer", "code", "Kind of cancer; * where a group was small", "checklists"),
    ResearchField("country", "code", "Country of the hospital; * for small groups", "ISO 3166-1"),
    ResearchField("half_year", "string", "Half-year of the opinion; * for small groups", "Margin"),
    ResearchField("tier", "code", "What was promised", "Margin, tiers.toml"),
    _code("day_zero", "What day 0 is", "Margin", ("records_complete", "opened")),
    _days("opened_d", "Case opened, days from day 0"),
    _days("assigned_d", "First surgeon asked, days from day 0"),
    _days("signed_d", "First opinion signed, days from day 0"),
    *(
        ResearchField(f"{stage.value}_h", "integer", f"Time in stage {stage.value}", "stages", "h")
        for stage in STAGES
    ),
    ResearchField("promise_h", "integer", "The clock ran until the opinion", "clock", "h"),
    ResearchField("kept_promise", "boolean", "Opinion within the target of its tier", "clock"),
    _code("local_category", "What the local verdict comes to", "Margin", LOCAL_CATEGORIES),
    ResearchField("verdict", "code", "The signed verdict", "form of the organ, verdict"),
    _code("verdict_change", "Second against first verdict", "docs/figures.md", list(Change)),
    ResearchField("imaging_inconclusive", "boolean", "No answer from this imaging", "figures.md"),
    *(
        ResearchField(f"finding_{key}", "boolean", words, "requirement 43")
        for key, words in value_sets.FINDINGS.items()
    ),
    _code("course", "Operated or not", _OUTCOME, value_sets.COURSES),
    _code("place", "Where it was operated", _OUTCOME, value_sets.PLACES),
    ResearchField("operation", "code", "Which operation", _OUTCOME),
    _days("operated_d", "Operation, days from day 0"),
    _code("resection_margin", "Resection margin (UICC R)", _OUTCOME, value_sets.RESECTION_MARGINS),
    _code(
        "complication_grade",
        "Worst complication",
        value_sets.COMPLICATION_SOURCE,
        value_sets.COMPLICATION_GRADES,
    ),
    _code("not_operated_reason", "Why not operated", _OUTCOME, value_sets.NOT_OPERATED_REASONS),
    _code("converted", "Made resectable by treatment", _OUTCOME, value_sets.CONVERTED),
    _code("conversion_therapy", "By which", _OUTCOME, value_sets.CONVERSION_THERAPIES),
    _code("vital_status", "Alive or dead", _OUTCOME, value_sets.VITAL_STATUSES),
    _days("vital_d", "Last known alive, or died, days from day 0"),
    ResearchField("flr_foreseen_ml", "number", "Remnant in the opinion", "form, flr_ml", "mL"),
    ResearchField("flr_after_ml", "number", "Remnant after the resection", _OUTCOME, "mL"),
    _code("flr_method", "How that was measured", _OUTCOME, value_sets.FLR_METHODS),
    _days("flr_measured_d", "Remnant measured, days from day 0"),
)
_FROM_OUTCOME: Final = (
    "course",
    "place",
    "operation",
    "resection_margin",
    "complication_grade",
    "not_operated_reason",
    "converted",
    "conversion_therapy",
    "vital_status",
    "flr_after_ml",
    "flr_method",
)
_FROM_ROW: Final = (
    *(f"{stage.value}_h" for stage in STAGES),
    "promise_h",
    "kept_promise",
    "local_category",
    "verdict",
    "verdict_change",
    "imaging_inconclusive",
)


def case_values(facts: CaseFacts, calendars: Calendars, as_of: datetime) -> dict[str, Value]:
    """Everything of a case but its pseudonym and what the guard decides on."""
    row = values_of(facts, calendars, as_of)
    zero = (facts.complete_at or facts.opened_at).date()
    assigned = next((one.at for one in facts.steps if one.event == "surgeon_assigned"), None)
    outcome, chosen = facts.outcome, facts.chosen_findings

    def since_zero(day: date | datetime | None) -> int | None:
        if day is None:
            return None
        return ((day.date() if isinstance(day, datetime) else day) - zero).days

    return {
        "tier": facts.tier,
        "day_zero": "records_complete" if facts.complete_at else "opened",
        "opened_d": since_zero(facts.opened_at),
        "assigned_d": since_zero(assigned),
        "signed_d": since_zero(facts.first_signed_at),
        **{name: row[name] for name in _FROM_ROW},
        **{
            f"finding_{key}": None if chosen is None else key in chosen
            for key in value_sets.FINDINGS
        },
        **{name: getattr(outcome, name) if outcome else None for name in _FROM_OUTCOME},
        "operated_d": since_zero(outcome.operated_on if outcome else None),
        "vital_d": since_zero(outcome.vital_on if outcome else None),
        "flr_measured_d": since_zero(outcome.flr_measured_on if outcome else None),
        "flr_foreseen_ml": row["flr_predicted_ml"],
    }


def half_year_of(day: date) -> str:
    """`2026-H1` or `2026-H2`."""
    return f"{day.year}-H{1 if day.month <= 6 else 2}"


def answers_of(facts: CaseFacts) -> Iterator[tuple[str, Value]]:
    """What the signed form says, as (JSON pointer, value): numbers, yes and no, and codes of its schema.

    Text that somebody wrote, days, references to images and lists of objects are left out; so is a code
    that the present form does not know.
    """
    if facts.opinion is None:
        return
    for field in structured_fields(facts.organ):
        value = answer_at(facts.opinion.answers, field.path)
        for one in value if isinstance(value, list) else [value]:
            if _may_leave(one, codes_of(field)):
                yield field.pointer, one


def structured_fields(organ: str) -> tuple[Field, ...]:
    """The fields of an organ's form whose values are not free text."""
    known = ORGANS.get(organ)
    if known is None:
        return ()
    return tuple(
        field
        for field in known.fields
        if field.path[0] not in LEFT_OUT and (codes_of(field) or type_of(field) != "string")
    )


def codes_of(field: Field) -> frozenset[str]:
    """The codes that a field's schema allows."""
    return frozenset(_codes(field.schema))


def _codes(schema: dict[str, Any]) -> Iterator[str]:
    for value in (*schema.get("enum", ()), schema.get("const")):
        if isinstance(value, str):
            yield value
    for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _codes(part)
    if isinstance(schema.get("items"), dict):
        yield from _codes(schema["items"])


def type_of(field: Field) -> str:
    """The type of a field's values, for the dictionary: such as `integer or code`."""
    types = [field.schema.get("type"), *(p.get("type") for p in field.schema.get("oneOf", ()))]
    number = next((one for one in ("number", "integer", "boolean") if one in types), "")
    said = [*filter(None, (number, "code" if codes_of(field) else ""))]
    return " or ".join(said) or "string"


def _may_leave(value: object, codes: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in codes
    return isinstance(value, bool | int | float)


def form_fields() -> Iterator[ResearchField]:
    """What `answers.csv` can hold, for the dictionary: every structured field of every organ."""
    for organ in ORGANS.values():
        for field in structured_fields(organ.id):
            yield ResearchField(
                f"{organ.id}{field.pointer}",
                type_of(field),
                field.name,
                f"form {organ.id}, version {organ.schema_version}",
                str(field.hints.get("unit", "")),
                tuple(sorted(codes_of(field))),
            )
