"""What every organ's schema, examples and evaluations owe their readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from pydicom.sr._concepts_dict import concepts

from server.annotations.decision import Trust
from server.annotations.fields import Field
from server.annotations.organs import ORGANS, Organ, OrganNotFound, organ_named
from server.annotations.organs.organ import RulesetNotFound
from server.annotations.organs.schema_file import SchemaFileBroken, unfolded
from server.annotations.summary import sections
from server.annotations.validation import problems
from server.dicom.codes import known_codes

FIELDS = [(o, field) for o in ORGANS.values() for field in o.fields]
FIELD_IDS = [f"{o.id}{field.pointer}" for o, field in FIELDS]
EXAMPLES = [(o, name, answers) for o in ORGANS.values() for name, answers in o.examples().items()]
EXAMPLE_IDS = [f"{o.id}-{name}" for o, name, _ in EXAMPLES]
WIDGETS = {
    "contact-clock",
    "choice",
    "number",
    "text",
    "date",
    "yes-no",
    "list",
    "group",
    "vessels",
    "vessel",
    "hidden",
}
SNOMED: dict[str, dict[str, Any]] = cast(Any, concepts["SCT"])
KEYS = {
    "label",
    "short",
    "sentence",
    "help",
    "widget",
    "section",
    "order",
    "unit",
    "unit_text",
    "step",
    "marks_deg",
    "choices",
    "offer",
    "codes",
    "code",
    "code_relation",
    "more_codes",
    "when",
    "assessed_default",
    "quick",
    "quick_rest",
    "fill_from",
    "sign",
    "rows",
    "example",
    "trust",
    "keys",
    "folded",
}


@pytest.mark.parametrize("one", ORGANS.values(), ids=ORGANS)
def test_the_unfolded_schema_is_valid_and_needs_nothing_else(one: Organ) -> None:
    Draft202012Validator.check_schema(one.schema)
    text = json.dumps(one.schema)
    assert "$ref" not in text and "$defs" not in text


@pytest.mark.parametrize(("one", "field"), FIELDS, ids=FIELD_IDS)
def test_every_field_speaks_the_documented_vocabulary(one: Organ, field: Field) -> None:
    assert set(field.hints) <= KEYS
    assert field.hints["widget"] in WIDGETS
    assert field.label and field.name
    assert field.section in {section["id"] for section in one.schema["x-margin"]["sections"]}


@pytest.mark.parametrize(("one", "field"), FIELDS, ids=FIELD_IDS)
def test_every_field_is_closed_and_bounded(one: Organ, field: Field) -> None:
    schema, parts = field.schema, field.schema.get("oneOf", [field.schema])
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
    if schema.get("type") == "string":
        assert schema.get("maxLength") or schema.get("format") == "date"
    if schema.get("type") == "array":
        assert schema["maxItems"] <= 20
    for part in parts:
        if part.get("type") in ("number", "integer"):
            assert {"minimum", "exclusiveMinimum"} & set(part)
            assert {"maximum", "exclusiveMaximum"} & set(part)


@pytest.mark.parametrize(("one", "field"), FIELDS, ids=FIELD_IDS)
def test_every_value_has_its_words(one: Organ, field: Field) -> None:
    items = field.schema.get("items", field.schema)
    values = items.get("enum", [])
    choices = items.get("x-margin", {}).get("choices", {})
    assert set(map(str, values)) == set(choices) if values else True
    assert set(field.hints.get("offer", [])) <= set(values)


VESSELS = [
    (o, name, schema)
    for o in ORGANS.values()
    for name, schema in o.schema["properties"]["vessels"]["properties"].items()
]


@pytest.mark.parametrize(
    ("one", "name", "schema"), VESSELS, ids=[f"{o.id}-{name}" for o, name, _ in VESSELS]
)
def test_every_vessel_carries_a_snomed_code_that_dicom_knows(
    one: Organ, name: str, schema: dict[str, Any]
) -> None:
    hints = schema["x-margin"]
    assert hints["code_relation"] in ("exact", "broader", "part")
    for code in (hints["code"], *hints.get("more_codes", [])):
        assert code["scheme"] == "SCT"
        ours = known_codes()[code["value"]]
        assert (ours.scheme, ours.meaning) == (code["scheme"], code["meaning"])


@pytest.mark.parametrize("value", sorted(known_codes()))
def test_every_code_is_in_the_snomed_subset_of_dicom_with_that_meaning(value: str) -> None:
    in_dicom = [str(entry[value][0]) for entry in SNOMED.values() if value in entry]
    meaning = known_codes()[value].meaning
    assert meaning in [name.removesuffix(" (body structure)") for name in in_dicom]


@pytest.mark.parametrize("one", ORGANS.values(), ids=ORGANS)
def test_there_are_at_least_five_examples(one: Organ) -> None:
    assert len(one.examples()) >= 5


@pytest.mark.parametrize(("one", "name", "answers"), EXAMPLES, ids=EXAMPLE_IDS)
def test_every_example_validates_evaluates_and_reads_as_text(
    one: Organ, name: str, answers: dict[str, Any]
) -> None:
    assert problems(one, answers) == []
    evaluations = one.evaluate(answers)
    for evaluation in evaluations:
        said = evaluation.to_json()
        assert json.loads(json.dumps(said)) == said
        not_addressed = "not_addressed" in [flag["id"] for flag in said["flags"]]
        assert (said["category"] is None) != (said["interval"] is None) or not_addressed
        for fired in evaluation.fired:
            assert fired.source and isinstance(fired.trust, Trust)
    assert sections(one, answers, evaluations)


@pytest.mark.parametrize(("one", "name", "answers"), EXAMPLES, ids=EXAMPLE_IDS)
def test_every_example_that_is_no_draft_could_be_signed(
    one: Organ, name: str, answers: dict[str, Any]
) -> None:
    assert (one.to_sign(answers) == []) != name.startswith("draft-")


@pytest.mark.parametrize("one", ORGANS.values(), ids=ORGANS)
def test_the_quick_buttons_give_valid_vessels(one: Organ) -> None:
    vessels = one.schema["properties"]["vessels"]
    for name, schema in vessels["properties"].items():
        for button in (*schema["x-margin"]["quick"], *vessels["x-margin"]["quick_rest"]):
            assert problems(one, {"vessels": {name: button["value"]}}) == []


@pytest.mark.parametrize("one", ORGANS.values(), ids=ORGANS)
def test_arteries_come_before_veins_and_inflow_before_outflow(one: Organ) -> None:
    order = [section["id"] for section in one.schema["x-margin"]["sections"]]
    places = [
        (order.index(schema["x-margin"]["section"]), schema["x-margin"]["order"])
        for schema in one.schema["properties"]["vessels"]["properties"].values()
    ]
    assert places == sorted(places)


def test_an_organ_or_a_ruleset_that_does_not_exist_is_named() -> None:
    with pytest.raises(OrganNotFound, match="spleen"):
        organ_named("spleen")
    with pytest.raises(RulesetNotFound, match="nccn-1999"):
        organ_named("pancreas").ruleset("nccn-1999")


@pytest.mark.parametrize(
    "reference", ["#/$defs/none", "#/$defs/circle", "#/$defs/word"], ids=["gone", "circle", "word"]
)
def test_a_schema_file_that_cannot_be_unfolded_is_refused(tmp_path: Path, reference: str) -> None:
    path = tmp_path / "schema.json"
    definitions = {"circle": {"$ref": "#/$defs/circle"}, "word": "text"}
    path.write_text(json.dumps({"properties": {"a": {"$ref": reference}}, "$defs": definitions}))
    with pytest.raises(SchemaFileBroken):
        unfolded(path)
