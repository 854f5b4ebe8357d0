"""docs/organs says what the code does: organs, rulesets, rules, options, fields."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from server.annotations.decision import Trust
from server.annotations.judging import Judge
from server.annotations.organs import ORGANS, Organ
from server.annotations.organs.liver.structures import RULES
from server.annotations.organs.liver.thresholds import FAMILIES
from server.annotations.organs.pancreas import TABLES

DOCS = Path(__file__).parents[2] / "docs" / "organs"
README = (DOCS / "README.md").read_text(encoding="utf-8")


def page(organ: Organ) -> str:
    return (DOCS / f"{organ.id}.md").read_text(encoding="utf-8")


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


def test_every_organ_has_its_page_and_its_line_and_no_page_is_left_over() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")} - {"README"}
    assert pages == set(ORGANS)
    for organ in ORGANS.values():
        [line] = [line for line in README.splitlines() if f"| `{organ.id}` |" in line]
        assert organ.title in line
        assert quoted(line) - {organ.id} == {ruleset.id for ruleset in organ.rulesets}


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_a_page_names_every_field_and_every_value(organ: Organ) -> None:
    named = quoted(page(organ))
    for field in organ.fields:
        if field.section == "response":  # the same for every organ, and told once
            assert field.path[-1] in quoted(README), field.pointer
            continue
        assert field.path[-1] in named, field.pointer
        values = field.schema.get("items", field.schema).get("enum", [])
        assert {str(value) for value in values} <= named | set(organ.schema["properties"])


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_a_page_names_every_ruleset_with_its_options(organ: Organ) -> None:
    text = page(organ)
    for ruleset in organ.rulesets:
        assert f"### `{ruleset.id}`" in text
        for option in ruleset.options:
            assert {option.name, *option.values} <= quoted(text)


EXAMPLE = re.compile(r"```json\n(.*?)\n```\n\nis `(\S+)`(?: to `(\S+)`)? by `(\S+)`", re.DOTALL)
EXAMPLES = [(organ.id, *one) for organ in ORGANS.values() for one in EXAMPLE.findall(page(organ))]


def test_every_json_block_of_a_page_is_an_example_with_its_result() -> None:
    blocks = sum(page(organ).count("```json") for organ in ORGANS.values())
    assert blocks == len(EXAMPLES) > 0


@pytest.mark.parametrize(("organ", "given", "best", "worst", "ruleset"), EXAMPLES)
def test_an_example_of_a_page_is_judged_as_the_page_says(
    organ: str, given: str, best: str, worst: str, ruleset: str
) -> None:
    told = Judge.named(organ, ruleset).evaluation(json.loads(given))
    assert (told["interval"] or [told["category"]]) == ([best, worst] if worst else [best])


def test_the_pages_name_every_rule() -> None:
    pancreas = {rule.id for table in TABLES for rule in table.rules}
    pancreas |= {table.otherwise.rule for table in TABLES}
    assert pancreas <= quoted(page(ORGANS["pancreas"]))
    liver = {limit.rule for family in FAMILIES for limit in family.limits} | set(RULES.values())
    assert liver <= quoted(page(ORGANS["liver"]))


def test_every_trust_mark_and_every_widget_is_explained() -> None:
    named = quoted(README)
    assert {trust.value for trust in Trust} <= named
    for organ in ORGANS.values():
        for field in organ.fields:
            assert field.hints["widget"] in named
            assert set(field.hints) <= named
