"""What an organ is: a schema, rulesets, and what signing needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from server.annotations.decision import Answers, Evaluation, Options, Ruleset, UnknownOption
from server.annotations.fields import Field, answer_at, every_field, is_answered
from server.annotations.organs.schema_file import Schema, unfolded
from server.foundation.errors import FieldProblem, NotFound

OwnProblems = Callable[[Answers, list[Evaluation]], list[FieldProblem]]
# What was chosen of each ruleset's options, by the ruleset's id.
Chosen = Mapping[str, Options]


class RulesetNotFound(NotFound):
    """An organ has no ruleset of that id."""


@dataclass(frozen=True)
class Organ:
    """One kind of annotation. `folder` holds schema.json and examples/.

    `own_problems` is what this organ asks of a signature beyond the fields marked in its schema.
    `one_scale` says that every ruleset answers the same question with the same categories, so that
    two of them can disagree; a share of the liver and its drainage cannot.
    """

    id: str
    title: str
    folder: Path
    rulesets: tuple[Ruleset, ...]
    own_problems: OwnProblems
    verdict_pointer: str = "/verdict"
    one_scale: bool = False

    @cached_property
    def schema(self) -> Schema:
        """The unfolded JSON Schema (2020-12) with `x-margin` hints; read once, never changed."""
        return unfolded(self.folder / "schema.json")

    @cached_property
    def validator(self) -> Draft202012Validator:
        """A validator of the schema, formats included."""
        return Draft202012Validator(self.schema, format_checker=Draft202012Validator.FORMAT_CHECKER)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field of the form, parents before children."""
        return tuple(every_field(self.schema))

    def ruleset(self, ruleset_id: str) -> Ruleset:
        """The ruleset of that id. Raises RulesetNotFound."""
        for ruleset in self.rulesets:
            if ruleset.id == ruleset_id:
                return ruleset
        known = ", ".join(ruleset.id for ruleset in self.rulesets)
        raise RulesetNotFound(
            f'The organ {self.id} has no ruleset "{ruleset_id[:60]}".',
            remedy=f"Its rulesets are: {known}.",
        )

    @property
    def schema_version(self) -> int:
        """The version of the form: raised whenever a field changes its meaning or goes away."""
        return int(self.schema["x-margin"]["schema_version"])

    def evaluate(self, answers: Answers, chosen: Chosen | None = None) -> list[Evaluation]:
        """Every ruleset applied, in the order of `rulesets`; options not chosen have their defaults."""
        given = chosen or {}
        return [ruleset.evaluate(answers, given.get(ruleset.id)) for ruleset in self.rulesets]

    def evaluated(self, answers: Answers, chosen: Chosen | None = None) -> list[dict[str, Any]]:
        """`evaluate` as JSON values, each with the options that were in force."""
        given = chosen or {}
        return [
            {**said.to_json(), "options": ruleset.chosen(given.get(ruleset.id, {}))}
            for ruleset, said in zip(self.rulesets, self.evaluate(answers, given), strict=True)
        ]

    def option_problems(self, chosen: object) -> list[FieldProblem]:
        """What keeps `chosen` from being options of this organ's rulesets; empty when they are."""
        if not isinstance(chosen, dict):
            return [FieldProblem("/options", "Give an object: ruleset, option, value.")]
        found = []
        for ruleset_id, given in chosen.items():
            where = f"/options/{str(ruleset_id)[:60]}"
            try:
                ruleset = self.ruleset(str(ruleset_id))
                texts = isinstance(given, dict) and all(isinstance(v, str) for v in given.values())
                if not texts:
                    found.append(FieldProblem(where, "Give an object of options and values."))
                    continue
                ruleset.chosen(given)
            except (RulesetNotFound, UnknownOption) as error:
                found.append(FieldProblem(where, f"{error.detail} {error.remedy}"))
        return found

    def to_sign(self, answers: Answers, chosen: Chosen | None = None) -> list[FieldProblem]:
        """What still stops a signature, in the order of the form; empty when nothing does."""
        evaluations = self.evaluate(answers, chosen)
        found = [*self._unanswered(answers), *self.own_problems(answers, evaluations)]
        first: dict[str, FieldProblem] = {}
        for problem in found:
            first.setdefault(problem.pointer, problem)
        return list(first.values())

    def verdict(self, answers: Answers) -> str | None:
        """The verdict code among the answers, or None."""
        value = answer_at(answers, self.verdict_pointer.split("/")[1:])
        return value if isinstance(value, str) else None

    def verdict_label(self, verdict: str) -> str:
        """A verdict code in words; the code itself when it is none of this organ's."""
        for field in self.fields:
            if field.pointer == self.verdict_pointer:
                return str(field.hints.get("choices", {}).get(verdict, verdict))
        return verdict

    def examples(self) -> dict[str, dict[str, Any]]:
        """The example answers by file name without suffix."""
        files = sorted((self.folder / "examples").glob("*.json"))
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}

    def _unanswered(self, answers: Answers) -> Iterator[FieldProblem]:
        for field in self.fields:
            mark = field.hints.get("sign")
            if mark not in ("required", "explicit") or field.hints.get("widget") == "vessels":
                continue
            if is_answered(answer_at(answers, field.path)):
                continue
            remedy = "is still to be answered."
            if mark == "explicit":
                remedy = 'is still to be given: degrees, or explicitly "not assessed".'
            yield FieldProblem(field.pointer, f"{field.name} {remedy}")
