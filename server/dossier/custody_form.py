"""The chain-of-custody form: one page of HTML to be printed, with what is known filled in and lines for
the signatures of whoever hands over and receives. What is printed by the form itself stands there in the
sender's language and, because it travels, in English."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from server.dossier.custody import LABELS, Step
from server.dossier.queries import SpecimenSeen
from server.dossier.value_sets import SPECIMEN_KINDS
from server.foundation.paper import paper_templates

_FOLDER: Final = Path(__file__).parent / "templates"
# ISO 216 A4 and ANSI Y14.1 A; the value is what CSS calls the sheet.
SHEETS: Final[dict[str, str]] = {"a4": "A4", "letter": "letter"}
EMPTY_LINES: Final = 4

_ENVIRONMENT: Final = paper_templates(_FOLDER, "custody_form.css")


def custody_form(
    *,
    case_number: str,
    sender: str,
    seen: Sequence[SpecimenSeen],
    sheet: str,
    printed_at: datetime,
    language: str = "en",
    say: Callable[..., str] = str.format,
) -> str:
    """The form as self-contained HTML; `sheet` is a key of SHEETS. It names no patient. `say` gives an
    English sentence in `language`, its values put in by name.
    """
    events = sorted(
        ((event, one.specimen) for one in seen for event in one.specimen.events),
        key=lambda pair: (pair[0].at, pair[0].place),
    )
    return _ENVIRONMENT.get_template("custody_form.html").render(
        sheet=SHEETS[sheet],
        language=language,
        say=say,
        case_number=case_number,
        sender=sender,
        specimens=[one.specimen for one in seen],
        kinds=SPECIMEN_KINDS,
        events=events,
        labels={step.value: words for step, words in LABELS.items()},
        transit=Step.IN_TRANSIT.value,
        pieces=sum(one.specimen.count for one in seen),
        printed_at=printed_at,
        empty_lines=EMPTY_LINES,
    )
