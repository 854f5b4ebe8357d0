"""What a page needs to show a form that came back: what was typed, and what was wrong where."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import request

from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import BadRequest, FieldProblem, Invalid, MarginError
from server.web.forms import text_only
from server.web.languages import said


class VersionMissing(BadRequest):
    """A form does not say which version it was made from."""


def typed_fields() -> dict[str, str]:
    """What the form sent, without characters that no field may hold."""
    return {name: text_only(value) or "" for name, value in request.form.items()}


def typed_list(name: str) -> list[str]:
    """Every value of a field that can be sent several times."""
    return [text_only(value) or "" for value in request.form.getlist(name)]


def lines_of(text: str) -> list[str]:
    """A text field's lines, without those that are empty."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def problems_by_field(refused: MarginError | None) -> dict[str, list[str]]:
    """What is wrong with each field of a form that came back."""
    found: dict[str, list[str]] = {}
    for problem in refused.problems if refused else []:
        found.setdefault(problem.pointer.strip("/"), []).append(said(problem.message))
    return found


def errors_of(refused: MarginError | None) -> dict[str, list[str]]:
    """The same; a refusal that is about no field stands at `general`."""
    found = problems_by_field(refused)
    if refused is not None and not found:
        found["general"] = [said(f"{refused.detail} {refused.remedy}".strip())]
    return found


def came_back(refused: MarginError | None, at: str) -> dict[str, Any]:
    """The facts that the macros of `records_parts.html` read: `at` is the form that came back."""
    return {
        "at": at if refused else "",
        "errors": errors_of(refused),
        "typed": typed_fields() if refused else {},
    }


def version_of(typed: dict[str, str]) -> int:
    """The version that whoever sent the form had before their eyes. Raises VersionMissing."""
    text = typed.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise VersionMissing("This form is not whole.", remedy="Reload the page and try again.")
    return int(text)


def day_of(typed: dict[str, str], name: str, problems: list[FieldProblem]) -> date | None:
    """A day, `2026-11-20`, or None where nothing was typed; what is no day goes to `problems`."""
    text = typed.get(name, "").strip()
    if not text:
        return None
    day = day_typed(text)
    if day is None:
        problems.append(FieldProblem(f"/{name}", WRITE_A_DAY))
    return day


def number_of(typed: dict[str, str], name: str, problems: list[FieldProblem]) -> int | None:
    """A whole number, or None where nothing was typed; what is none goes to `problems`."""
    text = typed.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        problems.append(FieldProblem(f"/{name}", "Enter a whole number, in digits."))
        return None
    return int(text)


def refuse(detail: str, problems: list[FieldProblem]) -> None:
    """Raise Invalid when there are problems."""
    if problems:
        raise Invalid(detail, problems)
