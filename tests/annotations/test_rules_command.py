"""`margin rules`: JSON in, JSON out, and every refusal in words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from server.annotations.decision import Ruleset
from server.annotations.organs import ORGANS, Organ
from server.cli import main

PROJECT = Path(__file__).parents[2]
EVERY = [(organ, ruleset) for organ in ORGANS.values() for ruleset in organ.rulesets]
EVERY_ID = [f"{organ.id} {ruleset.id}" for organ, ruleset in EVERY]
NCCN = ("rules", "evaluate", "--organ", "pancreas", "--ruleset", "nccn-2022")
CLEAR = {"contact_deg": 0}
BODY = {
    "site": "body",
    "m_status": "m0",
    "vessels": {
        **dict.fromkeys(ORGANS["pancreas"].schema["properties"]["vessels"]["properties"], CLEAR),
        "ca": {"contact_deg": 220, "reconstructable": "yes"},
    },
}


def run(*words: str, given: Any = None) -> Result:
    """The command with JSON (or bytes as they are) on standard input; it must not fall over."""
    said = given if isinstance(given, bytes) else json.dumps(given).encode()
    result = CliRunner().invoke(main, list(words), input=said)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(("organ", "ruleset"), EVERY, ids=EVERY_ID)
def test_every_example_is_judged_as_the_ruleset_judges_it(organ: Organ, ruleset: Ruleset) -> None:
    examples = list(organ.examples().values())
    result = run(
        "rules", "evaluate", "--organ", organ.id, "--ruleset", ruleset.id, "-", given=examples
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert [one.pop("options") for one in told] == [ruleset.chosen({})] * len(examples)
    assert told == [ruleset.evaluate(example).to_json() for example in examples]


def test_an_object_gives_an_object_and_an_array_an_array() -> None:
    alone = json.loads(run(*NCCN, "-", given=BODY).stdout)
    assert alone["category"] == "borderline"
    assert json.loads(run(*NCCN, "-", given=[BODY]).stdout) == [alone]
    assert json.loads(run(*NCCN, "-", given=[]).stdout) == []


def test_a_file_is_read_as_standard_input_is(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(BODY), encoding="utf-8-sig")
    assert run(*NCCN, str(file)).stdout == run(*NCCN, "-", given=BODY).stdout


def test_an_option_changes_what_the_sources_disagree_on() -> None:
    told = json.loads(run(*NCCN, "--option", "appleby=LA", "-", given=BODY).stdout)
    assert told["category"] == "locally_advanced"
    assert told["options"] == {"appleby": "LA"}


def test_a_vessel_left_out_is_not_assessed() -> None:
    told = json.loads(run(*NCCN, "-", given={"site": "head", "m_status": "m0"}).stdout)
    assert told["category"] is None
    assert told["interval"] == ["resectable", "locally_advanced"]
    assert "/vessels/sma/contact_deg" in {missing["pointer"] for missing in told["missing"]}


def test_a_bad_case_in_an_array_does_not_stop_the_others() -> None:
    bad = {"vessels": {"sma": {"contact_deg": 400}}}
    result = run(*NCCN, "-", given=[BODY, bad, BODY])
    assert result.exit_code == 1
    first, second, third = json.loads(result.stdout)
    assert first == third == json.loads(run(*NCCN, "-", given=BODY).stdout)
    assert set(second) == {"error"}
    [problem] = second["error"]["problems"]
    assert problem["pointer"] == "/vessels/sma/contact_deg"
    assert "Case 1 " in second["error"]["message"]
    assert "Case 1 " in result.stderr
    assert "/vessels/sma/contact_deg" in result.stderr


@pytest.mark.parametrize(
    ("case", "pointer"),
    [
        ({"site": "heed"}, "/site"),
        ({"vessels": {"smaa": CLEAR}}, "/vessels/smaa"),
        ({"vessels": {"sma": {"contact_deg": -1}}}, "/vessels/sma/contact_deg"),
        ({"vessels": {"sma": {"contact_deg": float("nan")}}}, "/vessels/sma/contact_deg"),
        ({"vessels": {"sma": {"contact_deg": None}}}, "/vessels/sma/contact_deg"),
        ({"vessels": {"sma": {"contact_cm": 3}}}, "/vessels/sma/contact_cm"),
        ({"vessels": []}, "/vessels"),
        (5, ""),
        (None, ""),
    ],
)
def test_what_does_not_fit_is_named_at_its_field(case: Any, pointer: str) -> None:
    result = run(*NCCN, "-", given=case)
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["error"]["problems"]
    assert [problem["pointer"] for problem in problems] == [pointer]
    assert (pointer or "the whole case") in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe\xff",
        b"[" * 200_000,
        b'{"ecog": ' + b"9" * 5000 + b"}",
        b'{"vessels": {"sma": {"contact_deg": 0}, "sma": {"contact_deg": 200}}}',
    ],
    ids=["empty", "cut off", "no text", "deep", "endless number", "a vessel twice"],
)
def test_what_is_not_json_is_refused_whole(text: bytes) -> None:
    result = run(*NCCN, "-", given=text)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "JSON" in result.stderr
    assert "set_int_max_str_digits" not in result.stderr


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("--organ", "spleen", "--ruleset", "nccn-2022"), "pancreas"),
        (("--organ", "pancreas", "--ruleset", "nccn-1066"), "nccn-2022"),
        (("--organ", "pancreas", "--ruleset", "flr-measured"), "nccn-2022"),
        (("--organ", "pancreas", "--ruleset", "nccn-2022", "--option", "apple=BR"), "appleby"),
        (("--organ", "pancreas", "--ruleset", "nccn-2022", "--option", "appleby=XX"), "BR, LA"),
        (("--organ", "pancreas", "--ruleset", "nccn-2022", "--option", "appleby"), "NAME=VALUE"),
        (("--organ", "pancreas", "--ruleset", "nccn-2022", "--option", "=BR"), "NAME=VALUE"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    words: tuple[str, ...], known: str
) -> None:
    result = run("rules", "evaluate", *words, "-", given=BODY)
    assert result.exit_code != 0
    assert result.stdout == ""
    assert known in result.stderr


def test_an_option_given_twice_is_refused() -> None:
    twice = ("--option", "appleby=BR", "--option", "appleby=LA")
    assert "twice" in run(*NCCN, *twice, "-", given=BODY).stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        result = run(*NCCN, str(path))
        assert result.exit_code != 0
        assert str(path) in result.stderr.replace("\n", "")


def test_the_list_names_every_ruleset_with_its_options() -> None:
    lines = run("rules", "list").stdout.splitlines()
    for organ, ruleset in EVERY:
        assert any(organ.id in line and ruleset.id in line for line in lines), ruleset.id
    listed = json.loads(run("rules", "list", "--json").stdout)["rulesets"]
    assert [(row["organ"], row["ruleset"]) for row in listed] == [(o.id, r.id) for o, r in EVERY]
    for row, (_, ruleset) in zip(listed, EVERY, strict=True):
        assert (row["version"], row["source"]) == (ruleset.version, ruleset.source)
        chosen = {option["name"]: option["default"] for option in row["options"]}
        assert chosen == ruleset.chosen({})
        assert all(option["default"] in option["choices"] for option in row["options"])


def test_it_works_as_a_program_whatever_the_terminal_can_show() -> None:
    program = subprocess.run(
        [sys.executable, "-m", "server.cli", *NCCN, "-"],
        input=json.dumps(BODY),
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert program.returncode == 0, program.stderr
    assert json.loads(program.stdout)["category"] == "borderline"


def test_the_documented_example_is_what_comes_out() -> None:
    page = (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8")
    case, told = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    assert json.loads(run(*NCCN, "-", given=case).stdout) == told
    liver = ORGANS["liver"].ruleset("flr-measured")
    [small] = re.findall(r"the liver `(\{.*?\})`", page)
    evaluation = liver.evaluate(json.loads(small))
    assert evaluation.category is not None
    assert evaluation.category.code == "adequate"
    assert "FLR 31.2 %" in evaluation.fired[0].text
