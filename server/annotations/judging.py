"""Published criteria applied to cases that are kept nowhere: for programs, and for the command line.

Nothing here reads or writes a case of Margin's own: findings come in, evaluations go out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.decision import Ruleset
from server.annotations.organs import ORGANS, Organ, organ_named
from server.annotations.validation import problems, said
from server.annotations.versions import SCHEMA_VERSION, version_problems
from server.foundation.errors import BadRequest, FieldProblem, Invalid, body_of

LONGEST_OPTION: Final = 100
MOST_DIGITS: Final = 400  # of a whole number; Python itself refuses some thousands


class NotJson(BadRequest):
    """What was given cannot be read as JSON."""


class OptionsRefused(Invalid):
    """Options are not an object of short texts."""


class CaseRefused(Invalid):
    """A case does not fit its organ's schema and was not evaluated."""


@dataclass(frozen=True)
class Judge:
    """One ruleset of one organ, with every option chosen."""

    organ: Organ
    ruleset: Ruleset
    options: Mapping[str, str]

    @classmethod
    def named(cls, organ_id: str, ruleset_id: str, options: object = None) -> Judge:
        """The judge of these names; options not given have their defaults.

        Raises OrganNotFound, RulesetNotFound, OptionsRefused or UnknownOption.
        """
        organ = organ_named(organ_id)
        ruleset = organ.ruleset(ruleset_id)
        return cls(organ, ruleset, ruleset.chosen(_texts({} if options is None else options)))

    def evaluation(self, case: object, index: int | None = None) -> dict[str, Any]:
        """The evaluation as JSON values, with the options that were in force.

        `index` is the place in an array, counted from 0. Raises CaseRefused, whose pointers start
        at the case.
        """
        case, found = _of_version(self.organ, case)
        found = found or problems(self.organ, case)
        if found or not isinstance(case, dict):
            which = "The case" if index is None else f"Case {index} of the array, counted from 0,"
            raise CaseRefused(
                f"{which} was not evaluated.", found, remedy="Correct the fields named."
            )
        evaluation = self.ruleset.evaluate(case, self.options)
        return {**evaluation.to_json(), "options": dict(self.options)}

    def results(self, cases: Iterable[object]) -> list[dict[str, Any] | CaseRefused]:
        """What becomes of each case, in order: a refused one does not stop the others."""
        return [self.result(case, index) for index, case in enumerate(cases)]

    def result(self, case: object, index: int | None = None) -> dict[str, Any] | CaseRefused:
        """`evaluation`, with a refusal as a value."""
        try:
            return self.evaluation(case, index)
        except CaseRefused as refused:
            return refused


def listing() -> dict[str, Any]:
    """Every ruleset of every organ with its options, as JSON values."""
    return {"rulesets": [told for organ in ORGANS.values() for told in rulesets_of(organ)]}


def rulesets_of(organ: Organ) -> list[dict[str, Any]]:
    """The rulesets of one organ with their options, as JSON values."""
    return [
        {
            "organ": organ.id,
            "ruleset": ruleset.id,
            "title": ruleset.title,
            "version": ruleset.version,
            "source": ruleset.source,
            "options": [
                {
                    "name": option.name,
                    "choices": list(option.values),
                    "default": option.default,
                    "text": option.text,
                }
                for option in ruleset.options
            ],
        }
        for ruleset in organ.rulesets
    ]


def parsed(text: bytes) -> Any:
    """The JSON in `text` (UTF-8, -16 or -32). Raises NotJson, also for a name given twice.

    Of two values for the same vessel one would be dropped unseen, so neither is taken.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repetition, parse_int=whole_number)
    except RecursionError as error:
        raise NotJson("The JSON is nested too deeply.", remedy="No case needs that.") from error
    except ValueError as error:
        raise NotJson(f"This is not JSON: {error}.", remedy="Correct it there.") from error


def as_json(result: dict[str, Any] | CaseRefused) -> dict[str, Any]:
    """An evaluation as it is; a refusal in the one shape of every error."""
    return body_of(result) if isinstance(result, CaseRefused) else result


def _of_version(organ: Organ, case: object) -> tuple[object, list[FieldProblem]]:
    """The case without the version of the form that it names, and what is wrong with that."""
    if not isinstance(case, dict) or SCHEMA_VERSION not in case:
        return case, []
    bare = {name: value for name, value in case.items() if name != SCHEMA_VERSION}
    return bare, version_problems(organ, case[SCHEMA_VERSION])


def _texts(options: object) -> dict[str, str]:
    if not isinstance(options, dict):
        raise OptionsRefused(
            f"The options must be an object; {said(options)} was given.",
            [FieldProblem("/options", "Give an object of names and values.")],
        )
    wrong = [
        FieldProblem(
            f"/options/{name[:LONGEST_OPTION]}",
            f"An option is short text, and so is its value; {said(value)} was given.",
        )
        for name, value in options.items()
        if not isinstance(value, str) or max(len(name), len(value)) > LONGEST_OPTION
    ]
    if wrong:
        raise OptionsRefused("Some options cannot be read.", wrong, remedy="Correct the options.")
    return options


def whole_number(digits: str) -> int:
    """A whole number of JSON. Raises ValueError, in words, where it is too long to be one."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number in it has {len(digits)} digits, and none needs {MOST_DIGITS}")
    return int(digits)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{said(name)} stands twice in the same object")
        found[name] = value
    return found
