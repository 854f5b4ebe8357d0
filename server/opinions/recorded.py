"""What a reviewer recorded, read from the answers and the organ's form into this room's values.

The form is the organ's unfolded JSON Schema; its `x-margin` hints give every field and choice its
words, so nothing but the thresholds of a remnant knows an organ here. A vessel without an answer is
"not assessed", never "no contact".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from server.annotations.evidence import seen_on
from server.annotations.fields import capitalised, pointer
from server.annotations.organs.liver.formulae import flr_percent
from server.annotations.organs.liver.remnant import BACKGROUNDS
from server.annotations.organs.liver.thresholds import MEASURED
from server.annotations.summary import CRITERIA_TITLE
from server.opinions.document import (
    ContactState,
    Conversion,
    FindingsSection,
    FlrThreshold,
    Section,
    Verdict,
    VesselContact,
    Volume,
)
from server.opinions.wording import NBSP

FLR_UNCERTAINTY_PERCENT = 10.0  # of the value; a default without a publication behind it
MEASURED_DENOMINATOR = "measured TLV - tumour"  # as the volumes of a segmentation say it

Form = Mapping[str, Any]
Answers = Mapping[str, Any]

UNDECIDED = Verdict("", "No verdict chosen yet")

# The fields that `recorded_fields` reads, and the form's sections in which they stand.
_PLACES = ("imaging", "opinion")
_PRINTED_FIELDS = (
    "answer_to_question",
    "verdict",
    "verdict_reason",
    "recommendation",
    "conditions",
    "capability_needed",
    "reassess_after",
    "confidence",
    "imaging_adequacy",
    "limits",
    "missing_data",
)

_OWN_COLUMN = frozenset(
    {
        "contact_deg",
        "contact_kind",
        "contour",
        "patency",
        "thrombus",
        "reconstructable",
        "note",
        "name",
    }
)


def recorded_fields(answers: Answers, form: Form) -> dict[str, Any]:
    """The keyword arguments of `Opinion` that come from the annotation, labels in words."""
    fields = _properties(form)
    recommendation = _object(answers.get("recommendation"))
    operation = _properties(fields.get("recommendation")).get("operation", {})
    return {
        "answer": _text(answers.get("answer_to_question")),
        "verdict": _verdict(answers, fields),
        "verdict_reason": _text(answers.get("verdict_reason")),
        "recommendation": _text(recommendation.get("text")),
        "operation": words(recommendation.get("operation"), operation),
        "conditions": _lines(answers.get("conditions"), {}),
        "capabilities": _lines(
            answers.get("capability_needed"), fields.get("capability_needed", {})
        ),
        "conversion": _conversion(_object(answers.get("reassess_after"))),
        "confidence": words(answers.get("confidence"), fields.get("confidence", {})),
        "limits": _limits(answers, fields),
        "vessels": vessel_contacts(answers, form),
    }


def vessel_contacts(answers: Answers, form: Form) -> tuple[VesselContact, ...]:
    """Every vessel that the form asks for in each case, and those recorded besides, in its order."""
    recorded = _object(answers.get("vessels"))
    asked = _properties(_properties(form).get("vessels"))
    ordered = sorted(asked.items(), key=lambda item: _hints(item[1]).get("order", 0))
    return tuple(
        _vessel(
            name, _object(recorded.get(name)), field, seen_on(pointer(("vessels", name)), answers)
        )
        for name, field in ordered
        if _object(recorded.get(name)) or _is_asked(field)
    )


def _is_asked(field: Form) -> bool:
    """Whether the form asks for this vessel in every case; a place for any structure is not."""
    return _hints(_properties(field).get("contact_deg", {})).get("sign") == "explicit"


def remaining_sections(sections: Iterable[FindingsSection], form: Form) -> tuple[Section, ...]:
    """The findings that the opinion does not print elsewhere.

    Left out are the vessels (they have their table), the criteria (they have theirs) and the fields
    of `recorded_fields`. Whatever else a form asks is kept, so that nothing is lost silently.
    """
    fields = _properties(form)
    vessels = {_label(key, field) for key, field in _properties(fields.get("vessels")).items()}
    printed = {_label(key, fields[key]) for key in _PRINTED_FIELDS if key in fields}
    own_place = {
        section["title"] for section in _hints(form).get("sections", ()) if section["id"] in _PLACES
    }
    kept = []
    for section in sections:
        if section.title == CRITERIA_TITLE:
            continue
        elsewhere = vessels | printed if section.title in own_place else vessels
        copy = Section.copy_of(section)
        rows = tuple(row for row in copy.rows if row.label.split(": ")[0] not in elsewhere)
        if rows:
            kept.append(Section(section.title, rows))
    return tuple(kept)


def entered_volume(answers: Answers) -> Volume | None:
    """The remnant that the reviewer entered (mL, percent), or None where there is none.

    The percentage is 100 * FLR / (liver - tumour) where all three volumes were entered (None where
    they contradict each other), else the one that was entered.
    """
    flr_ml: Any = answers.get("flr_ml")
    percent: Any = answers.get("flr_percent")
    if flr_ml is None and percent is None:
        return None
    total_ml: Any = answers.get("total_liver_ml")
    tumour_ml: Any = answers.get("tumour_ml")
    if None not in (flr_ml, total_ml, tumour_ml):
        percent = _measured_percent(float(flr_ml), float(total_ml), float(tumour_ml))
    return Volume(
        id="entered",
        state="measured",
        label="Entered by the reviewer",
        series_description=_text(answers.get("flr_source")),
        liver_ml=total_ml,
        flr_ml=flr_ml,
        tumour_ml=tumour_ml,
        flr_percent=percent,
        denominator=MEASURED_DENOMINATOR,
        uncertainty_percent=FLR_UNCERTAINTY_PERCENT,
        uncertainty_trust="unpublished",
    )


def _measured_percent(flr_ml: float, total_ml: float, tumour_ml: float) -> float | None:
    return flr_percent(flr_ml, total_ml, tumour_ml) if 0 <= tumour_ml < total_ml else None


def measured_thresholds(answers: Answers) -> tuple[FlrThreshold, ...]:
    """The published minima for the recorded liver background that share the measured denominator.

    Minima of other denominators are not drawn beside a measured percentage; their rulesets say what
    they compute. Empty where the background was not recorded or has no such minimum.
    """
    return tuple(
        FlrThreshold(
            percent=limit.minimum,
            label=BACKGROUNDS[limit.background],
            denominator=MEASURED_DENOMINATOR,
            source=limit.source,
            trust=limit.trust.value,
        )
        for limit in MEASURED.limits
        if limit.background == answers.get("background")
    )


def words(value: Any, field: Form) -> str:
    """A recorded value as it is printed: the choice's label, yes or no, a number with its unit."""
    hints = _hints(field)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_lines(value, field))
    label = _object(hints.get("choices")).get(str(value))
    if label is not None:
        return str(label)
    if isinstance(value, int | float):
        unit = str(hints.get("unit_text", ""))
        return f"{value:g}{NBSP}{unit}".rstrip(NBSP)
    return str(value)


def _vessel(key: str, recorded: Answers, field: Form, seen: Iterable[str]) -> VesselContact:
    fields = _properties(field)
    contact = recorded.get("contact_deg", "not_assessed")
    measured = isinstance(contact, int | float)  # JSON Schema takes 120.0 for an integer
    state: ContactState = "measured" if measured else "not_assessed"
    if contact == "not_visible":
        state = "not_visible"
    lumen = "contour" if "contour" in recorded else "patency"
    more = [
        f"{_hints(fields.get(name, {})).get('label', name)}: {words(value, fields.get(name, {}))}"
        for name, value in recorded.items()
        if name not in _OWN_COLUMN
        and value not in (None, [], "")
        and not (contact == 0 and _assumed(value, fields.get(name, {})))
    ]
    return VesselContact(
        name=_text(recorded.get("name")) or _label(key, field),
        state=state,
        contact_deg=int(contact) if measured else None,
        kind=_text(recorded.get("contact_kind")),
        contour=words(recorded.get(lumen), fields.get(lumen, {})),
        thrombus=words(recorded.get("thrombus"), fields.get("thrombus", {})),
        reconstructable=words(recorded.get("reconstructable"), fields.get("reconstructable", {})),
        note="\n".join(
            [*more, *filter(None, [_text(recorded.get("note"))]), *map(capitalised, seen)]
        ),
    )


def _assumed(value: Any, field: Form) -> bool:
    """Whether the form assumes this of any assessed vessel, so that it need not be said of a clear
    one.
    """
    hints = _hints(field)
    return "assessed_default" in hints and bool(hints["assessed_default"] == value)


def _verdict(answers: Answers, fields: Form) -> Verdict:
    code = answers.get("verdict")
    return Verdict(str(code), words(code, fields.get("verdict", {}))) if code else UNDECIDED


def _conversion(reassess: Answers) -> Conversion | None:
    if not any(reassess.values()):
        return None
    after = [_text(reassess.get("event")), _text(reassess.get("date"))]
    finding = _text(reassess.get("finding"))
    return Conversion(
        strategy="",
        reassess_after=", ".join(part for part in after if part),
        remeasure=(finding,) if finding else (),
    )


def _limits(answers: Answers, fields: Form) -> tuple[str, ...]:
    adequacy = words(answers.get("imaging_adequacy"), fields.get("imaging_adequacy", {}))
    missing = _text(answers.get("missing_data"))
    lines = [
        f"Imaging: {adequacy}" if adequacy else "",
        _text(answers.get("limits")),
        f"Missing: {missing}" if missing else "",
    ]
    return tuple(line for line in lines if line)


def _lines(values: Any, field: Form) -> tuple[str, ...]:
    item = field.get("items", {})
    return tuple(words(value, item) for value in values or ())


def _properties(field: Any) -> Mapping[str, Any]:
    return _object(_object(field).get("properties"))


def _label(key: str, field: Form) -> str:
    return str(_hints(field).get("label", key))


def _hints(field: Form) -> Mapping[str, Any]:
    return _object(field.get("x-margin"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
