"""The page for the scanner: what to set for a repeated examination, in the hospital's language. Pure.

Everything printed comes from the protocol's own numbers and from the words of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from server.foundation.paper import paper_templates
from server.imaging.protocols import Protocol
from server.imaging.wording import number, term_in, words_of, written, written_day

_TEMPLATES: Final = Path(__file__).parent / "templates"
_IN_BRACKETS: Final = re.compile(r"\s*[(（].*[)）]$")
Row = tuple[str, list[str]]


def sheet_html(protocol: Protocol, language: str, *, on: date, case_number: str = "") -> str:
    """One A4 page as self-contained HTML. Raises LanguageNotKnown."""
    words = words_of(language)
    return (
        _environment()
        .get_template("protocol_sheet.html")
        .render(
            language=language,
            words=words["sheet"],
            title=term_in(f"protocol.{protocol.id}", language),
            case_number=case_number,
            rows=list(_rows(protocol, language)),
            on=written_day(on, language),
            protocol=protocol,
            sources=_sources(protocol),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    return paper_templates(_TEMPLATES, "protocol_sheet.css")


def _rows(protocol: Protocol, language: str) -> Iterator[Row]:
    words = words_of(language)["sheet"]
    sheet = protocol.sheet or {}
    if "sequences" in sheet:
        yield words["sequences"], list(_sequences(protocol, sheet, language))
    for name in ("tracer", "preparation", "uptake", "contrast"):
        if name in sheet:
            yield words[name], [_word(sheet[name], language)]
    for name, unit in (
        ("dose", "mL/kg"),
        ("rate", "mL/s"),
        ("saline", "mL"),
        ("kv", "kV"),
    ):
        value = next((sheet[key] for key in sheet if key.split("_")[0] == name), None)
        if value is not None:
            yield words[name], [_range(value, unit, language)]
    if "delays" in sheet:
        yield words["phases"], list(_delays(sheet, language))
    yield from _slices(protocol, sheet, words, language)
    for name in ("coverage", "series"):
        if name in sheet:
            yield words[name], [_word(sheet[name], language)]
    if protocol.modality == "CT" and protocol.picture is not None:
        kernels = words["picture_chest" if protocol.region == "chest" else "picture_ct"]
        yield words["picture"], [kernels.format(matrix=protocol.picture.least_matrix)]
    yield words["body"], [words["body_value"]]
    if protocol.also:
        named = [term_in(f"protocol.{one.protocol}", language) for one in protocol.also]
        yield words["also"], [written(named, language)]
    yield words["send"], [words["send_value"]]
    days = str(protocol.recency.green_days)
    yield words["age"], [words["age_value"].format(days=days)]


def _sequences(protocol: Protocol, sheet: Mapping[str, Any], language: str) -> Iterator[str]:
    """Each with what is asked of it alone."""
    wants = {want.id: want for want in protocol.wants}
    for name in sheet["sequences"]:
        said, want = [term_in(f"want.{name}", language)], wants.get(name)
        if want is not None and want.least_b is not None:
            said.append(f"b ≥ {number(want.least_b, language)} s/mm²")
        if want is not None and want.most_thickness_mm is not None:
            said.append(f"≤ {number(want.most_thickness_mm, language)} mm")
        yield ", ".join(said)


def _delays(sheet: Mapping[str, Any], language: str) -> Iterator[str]:
    for want, delay in sheet["delays"]:
        # The name of a phase says its time in brackets, which stands beside it here.
        name = _IN_BRACKETS.sub("", term_in(f"want.{want}", language))
        yield f"{name}: {_word(delay, language)}"


def _slices(
    protocol: Protocol, sheet: Mapping[str, Any], words: Mapping[str, str], language: str
) -> Iterator[Row]:
    if "reconstruction_mm" not in sheet or protocol.thickness is None:
        return
    sentence = words["slices_value" if protocol.modality == "CT" else "slices_mri"]
    thickness = _range(sheet["reconstruction_mm"], "mm", language)
    limit = number(protocol.thickness.limit_mm, language)
    yield words["slices"], [sentence.format(thickness=thickness, limit=limit)]


def _range(value: list[float], unit: str, language: str) -> str:
    low, high = (number(one, language) for one in value)
    if low == high:
        return f"{low} {unit}"
    words = words_of(language)["sheet"]
    return str(words["range"].format(**{"from": low, "to": high, "unit": unit}))


def _word(key: str, language: str) -> str:
    return str(words_of(language)["sheet"]["words"][key])


def _sources(protocol: Protocol) -> str:
    return str((protocol.sheet or {}).get("source", protocol.recency.source))
