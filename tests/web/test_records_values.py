"""Values, treatments, biomarkers and questions typed on the page, and offered to the panel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from server.dossier.queries import entries_of, values_of
from server.foundation.db import Database
from tests.web.conftest import Browser
from tests.world import World

Visitor = Callable[[str], tuple[Browser, str]]
Visit = Callable[[str], tuple[FlaskClient, str]]


@pytest.fixture
def hospital(visitor: Visitor) -> tuple[Browser, str]:
    browser, base = visitor("hospital")
    browser.get(f"{base}/records/values")
    return browser, base


def test_a_hospital_types_its_values_and_sees_them_with_unit_and_date(
    hospital: tuple[Browser, str],
) -> None:
    browser, base = hospital
    page = browser.post(
        f"{base}/records/values",
        taken_on="2026-11-02",
        bilirubin="1,9",
        bilirubin_unit="mg/dL",
        inr="1.1",
        cea="< 2",
        cea_unit="ng/mL",
    ).text
    assert "3 values kept." in page
    assert "1.9 mg/dL" in page
    assert "32.49 µmol/L" in page
    assert "&lt;2 ng/mL" in page
    assert "2026-11-02" in page


def test_a_height_of_17_cm_is_refused_at_its_field_and_nothing_is_lost(
    hospital: tuple[Browser, str], db: Database, small_world: World
) -> None:
    browser, base = hospital
    answer = browser.post(
        f"{base}/records/values", taken_on="2026-11-02", height="17", height_unit="cm", inr="1.1"
    )
    assert answer.status_code == 422
    assert "Height of 17 cm cannot be. Was it 170 cm?" in answer.text
    assert 'id="values-height-error"' in answer.text
    assert 'name="inr" autocomplete="off" value="1.1"' in answer.text
    with db.reading() as session:
        assert values_of(session, small_world.inside.id) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inr": "1.1"}, "Enter the date on which it was measured."),
        ({"inr": "1.1", "taken_on": "2999-01-01"}, "lies in the future"),
        ({"taken_on": "2026-11-02"}, "Enter at least one value."),
        ({"taken_on": "2026-11-02", "inr": "<script>"}, "INR: write a number"),
        ({"taken_on": "2026-11-02", "cea": "1", "cea_unit": "kg"}, "CEA: choose the unit"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(
    hospital: tuple[Browser, str], fields: dict[str, str], said: str
) -> None:
    browser, base = hospital
    answer = browser.post(f"{base}/records/values", **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert "<script>" not in answer.text.split("<main", 1)[1]


def test_a_wrong_value_is_withdrawn_and_gone_from_the_page(
    hospital: tuple[Browser, str], db: Database, small_world: World
) -> None:
    browser, base = hospital
    browser.post(f"{base}/records/values", taken_on="2026-11-02", inr="1.7")
    with db.reading() as session:
        (kept,) = values_of(session, small_world.inside.id)
    page = browser.post(f"{base}/records/values/{kept.id}/withdraw").text
    assert "INR is withdrawn" in page
    assert "1.7" not in page.split("<main", 1)[1]
    _, other = hospital
    assert browser.post(f"{other}/records/values/{'0' * 32}/withdraw").status_code == 404


def test_several_days_make_a_course(hospital: tuple[Browser, str]) -> None:
    browser, base = hospital
    for day, value in (("2026-09-01", "86"), ("2026-10-01", "40"), ("2026-11-01", "31")):
        page = browser.post(f"{base}/records/values", taken_on=day, cea=value, cea_unit="ng/mL")
    assert 'class="trend"' in page.text
    assert page.text.index("2026-11-01") < page.text.index("2026-09-01")


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (
            "treatment",
            {
                "kind": "chemotherapy",
                "regimen": "FOLFIRINOX",
                "cycles": "8",
                "from_on": "2026-03",
                "response": "PR",
            },
            "FOLFIRINOX",
        ),
        (
            "medication",
            {"name": "apixaban", "dose": "5 mg", "frequency": "twice a day"},
            "apixaban",
        ),
        ("marker", {"marker_result": "msi|MSI-high, deficient", "detail": "IHC"}, "MSI-high"),
        (
            "question",
            {"text": "Will I need <b>chemo</b>?"},
            "Will I need &lt;b&gt;chemo&lt;/b&gt;?",
        ),
    ],
)
def test_a_line_is_typed_shown_and_withdrawn(
    hospital: tuple[Browser, str],
    db: Database,
    small_world: World,
    kind: str,
    fields: dict[str, str],
    said: str,
) -> None:
    browser, base = hospital
    assert said in browser.post(f"{base}/records/lines/{kind}", **fields).text
    with db.reading() as session:
        (line,) = [
            one for many in entries_of(session, small_world.inside.id).values() for one in many
        ]
    page = browser.post(f"{base}/records/lines/{line.id}/withdraw").text
    assert "The line is withdrawn." in page
    with db.reading() as session:
        assert not any(entries_of(session, small_world.inside.id).values())


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("treatment", {"kind": "chemotherapy"}, "Name the drugs"),
        ("medication", {"name": "apixaban"}, "Give the dose"),
        ("marker", {"marker_result": ""}, "Choose the biomarker."),
        ("marker", {"marker_result": "msi|superb"}, "Choose the result."),
        ("question", {"text": " "}, "Write the question."),
    ],
)
def test_a_line_that_says_too_little_comes_back(
    hospital: tuple[Browser, str], kind: str, fields: dict[str, str], said: str
) -> None:
    browser, base = hospital
    answer = browser.post(f"{base}/records/lines/{kind}", **fields)
    assert answer.status_code == 422
    assert said in answer.text


def test_the_panel_is_offered_the_newest_values_for_its_own_fields(
    hospital: tuple[Browser, str], visit: Visit
) -> None:
    browser, base = hospital
    for day, value in (("2026-10-01", "900"), ("2026-11-01", "412")):
        browser.post(
            f"{base}/records/values",
            taken_on=day,
            ca19_9=value,
            ca19_9_unit="U/mL",
            bilirubin="1.9",
            bilirubin_unit="mg/dL",
            ecog="1",
            height="172",
        )
    client, surgeon = visit("surgeon")
    fields = client.get(f"{surgeon}/api/recorded").get_json()["fields"]
    assert set(fields) == {"ca19_9_u_ml", "bilirubin_umol_l", "ecog"}
    assert fields["ca19_9_u_ml"]["value"] == 412
    assert fields["ca19_9_u_ml"]["taken_on"] == "2026-11-01"
    assert fields["bilirubin_umol_l"]["value"] == 32.49
    assert fields["bilirubin_umol_l"]["reported"] == "1.9 mg/dL"
    hospitals_client, hospitals_base = visit("hospital")
    assert hospitals_client.get(f"{hospitals_base}/api/recorded").status_code == 403
