"""Any other tumour: structures that the surgeon names, and no computed category.

No published criteria set is held for it, and none is guessed: the verdict is the surgeon's alone,
and the one ruleset says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.annotations.decision import Answers, Evaluation, Flag, Options, Ruleset
from server.annotations.fields import is_answered
from server.annotations.organs import scale
from server.annotations.organs.generic import involvement
from server.annotations.organs.organ import Organ
from server.annotations.organs.signing import reassessment_problems
from server.foundation.errors import FieldProblem

SLOTS: Final = tuple(f"structure_{index}" for index in range(1, 11))
SILENCE: Final = (
    "No published criteria are held for this tumour, so no category is computed: resectability is "
    "the surgeon's verdict alone."
)


def named(answers: Answers) -> dict[str, str]:
    """The places that hold a structure, with the name it was given (or the place's own)."""
    found = {}
    for place, slot in enumerate(SLOTS, start=1):
        raw = scale.group(scale.group(answers, "vessels"), slot)
        name = raw.get("name")
        if is_answered(name) or any(is_answered(value) for value in raw.values()):
            found[slot] = str(name).strip() if is_answered(name) else f"Structure {place}"
    return found


def _evaluate(answers: Answers, _options: Options) -> Evaluation:
    names = named(answers)
    flags = (
        Flag("not_addressed", SILENCE),
        *scale.unproven_disease(answers),
        *involvement.haze_flags(answers, names),
        *(Flag("contradiction", text) for _, text in contradictions(answers)),
    )
    return Evaluation(RULESET.id, RULESET.title, RULESET.version, flags=flags)


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    return [
        *involvement.contradictions(answers, named(answers)),
        *scale.disease_contradictions(answers),
    ]


def _own_problems(answers: Answers, _evaluations: list[Evaluation]) -> list[FieldProblem]:
    found = []
    for slot, name in named(answers).items():
        raw = scale.group(scale.group(answers, "vessels"), slot)
        if not is_answered(raw.get("name")):
            text = f"{name} has answers and no name; name it."
            found.append(FieldProblem(f"/vessels/{slot}/name", text))
        if raw.get("contact_deg") is None:
            text = f'Contact of {name}: still to be given in degrees, or "not assessed".'
            found.append(FieldProblem(f"/vessels/{slot}/contact_deg", text))
    return [
        *found,
        *(
            FieldProblem(pointer, f"{text} Correct one of them.")
            for pointer, text in contradictions(answers)
        ),
        *reassessment_problems(answers),
    ]


RULESET: Final = Ruleset(
    id="verdict-only",
    title="No published criteria",
    version="none",
    source="none: the surgeon's verdict",
    apply=_evaluate,
)

GENERIC: Final = Organ(
    id="generic",
    title="Any other tumour",
    folder=Path(__file__).parent,
    rulesets=(RULESET,),
    own_problems=_own_problems,
)
