"""The letter with which a case goes back to its hospital, in the hospital's language. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from server.imaging.findings import Finding, Severity
from server.imaging.wording import said, words_of, written_day


@dataclass(frozen=True)
class Letter:
    """The letter in parts, for a page; `must` and `should` are pairs of what was found and what to
    do.
    """

    language: str
    subject: str
    greeting: str
    intro: str
    must_title: str
    must: tuple[tuple[str, str], ...]
    should_title: str
    should: tuple[tuple[str, str], ...]
    note: str
    how: str
    cannot: str
    clock: str
    closing: str


def letter_of(
    case_number: str, findings: Sequence[Finding], language: str, on: date, note: str = ""
) -> Letter:
    """The letter about these findings. Raises LanguageNotKnown."""
    words = words_of(language)["message"]
    values = {"case": case_number, "on": written_day(on, language)}
    needed = [one for one in findings if one.severity >= Severity.LIMITING]
    wished = [one for one in findings if one.severity < Severity.LIMITING]
    return Letter(
        language=language,
        subject=words["subject"].format(**values),
        greeting=words["greeting"],
        intro=words["intro"].format(**values),
        must_title=words["must"],
        must=tuple(said(one, language) for one in needed),
        should_title=words["should"],
        should=tuple(said(one, language) for one in wished),
        note=note.strip(),
        how=words["how"].format(**values),
        cannot=words["cannot"],
        clock=words["clock"].format(**values),
        closing=words["closing"],
    )


def text_of(
    case_number: str, findings: Sequence[Finding], language: str, on: date, note: str = ""
) -> str:
    """The letter as plain text, as it is kept and may be pasted into a mail."""
    one = letter_of(case_number, findings, language, on, note)
    lines = [one.subject, "", one.greeting, "", one.intro]
    number = 0
    for title, points in ((one.must_title, one.must), (one.should_title, one.should)):
        if points:
            lines += ["", title]
        for text, fix in points:
            number += 1
            lines += [f"{number}. {text}", f"   {fix}"]
    if one.note:
        lines += ["", one.note]
    return "\n".join([*lines, "", one.how, one.cannot, "", one.clock, "", one.closing, ""])
