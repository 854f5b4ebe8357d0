"""Treatments, drugs, biomarkers and questions as they are typed."""

from __future__ import annotations

from datetime import datetime

import pytest

from server.dossier import when
from server.dossier.entries import EntryKind, read_entry

FOLFOX = {
    "kind": "chemotherapy",
    "regimen": "FOLFOX",
    "cycles": "6",
    "from_on": "2026-02",
    "until_on": "2026-05-12",
    "response": "PR",
}


def problems(kind: EntryKind, sent: dict[str, str], now: datetime) -> dict[str, str]:
    return {one.pointer: one.message for one in read_entry(kind, sent, now).problems}


def test_a_treatment_keeps_its_regimen_cycles_dates_and_response(now: datetime) -> None:
    read = read_entry(EntryKind.TREATMENT, FOLFOX, now)
    assert read.problems == ()
    assert read.content == FOLFOX


@pytest.mark.parametrize(
    ("change", "at", "said"),
    [
        ({"kind": "magic"}, "/kind", "Choose the kind"),
        ({"regimen": "  "}, "/regimen", "Name the drugs"),
        ({"cycles": "six"}, "/cycles", "whole number from 1 to 99"),
        ({"cycles": "0"}, "/cycles", "whole number"),
        ({"cycles": "٦"}, "/cycles", "whole number"),
        ({"kind": "surgery"}, "/cycles", "no cycles"),
        ({"from_on": ""}, "/from_on", "Say when it began"),
        ({"from_on": "02/2026"}, "/from_on", "Write the date"),
        ({"from_on": "2027", "until_on": ""}, "/from_on", "in the future"),
        ({"until_on": "2026-01"}, "/until_on", "before it began"),
        ({"response": "better"}, "/response", "Choose the response"),
        ({"regimen": "x" * 301}, "/regimen", "At most 300"),
    ],
)
def test_a_treatment_that_cannot_be_says_why_at_its_field(
    now: datetime, change: dict[str, str], at: str, said: str
) -> None:
    found = problems(EntryKind.TREATMENT, {**FOLFOX, **change}, now)
    assert list(found) == [at]
    assert said in found[at]


def test_a_drug_needs_its_dose(now: datetime) -> None:
    assert "/dose" in problems(EntryKind.MEDICATION, {"name": "apixaban"}, now)
    assert problems(EntryKind.MEDICATION, {"name": "apixaban", "dose": "5 mg"}, now) == {}


def test_a_biomarkers_result_is_one_of_its_own(now: datetime) -> None:
    assert problems(EntryKind.MARKER, {"marker": "msi", "result": "MSI-low"}, now) == {}
    assert "/result" in problems(EntryKind.MARKER, {"marker": "msi", "result": "mutated"}, now)
    assert "/marker" in problems(EntryKind.MARKER, {"marker": "ozone", "result": "high"}, now)


def test_a_question_is_kept_on_one_line_and_not_empty(now: datetime) -> None:
    read = read_entry(EntryKind.QUESTION, {"text": " How\nlong?  "}, now)
    assert read.content == {"text": "How long?"}
    assert "/text" in problems(EntryKind.QUESTION, {"text": " "}, now)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026", "2026"),
        ("2026-5", "2026-05"),
        ("2026-05-3", "2026-05-03"),
        ("2026-13", None),
        ("2026-02-30", None),
        ("May 2026", None),
        ("0026", None),
        ("", None),
    ],
)
def test_dates_of_a_history_may_be_known_in_part(text: str, read: str | None) -> None:
    assert when.partial(text) == read


def test_partial_dates_are_compared_as_far_as_both_are_known(now: datetime) -> None:
    assert when.before("2025", "2026-01")
    assert not when.before("2026", "2026-05")
    assert not when.before("2026-05", "2026")
    assert when.in_the_future("2026-12", now)
    assert not when.in_the_future("2026", now)
    assert not when.in_the_future("2026-11-20", now)
