"""An opinion that exists is well formed, and is kept without loss."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta, timezone

import pytest

from server.opinions.document import LIMITATION, Opinion, OpinionMalformed, VesselContact
from server.opinions.stored import evaluation_of, from_stored, to_stored, volume_of
from tests.opinions import samples


def test_an_opinion_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        samples.PANCREAS.question = "another"  # type: ignore[misc]


@pytest.mark.parametrize(
    "lacking",
    [
        {"number": ""},
        {"revision_sha256": ""},
        {"revision_sha256": samples.SHA256.upper()},
        {"case_number": ""},
        {"status": "definitive"},
        {"signed_at": datetime(2026, 11, 21, 8, 30)},
        {"signer": replace(samples.PANCREAS.signer, name="")},
        {"verdict": replace(samples.PANCREAS.verdict, label="")},
    ],
    ids=lambda lacking: "-".join(lacking),
)
def test_a_signed_opinion_without_what_makes_it_one_is_refused(lacking: dict[str, object]) -> None:
    with pytest.raises(OpinionMalformed):
        replace(samples.PANCREAS, **lacking)  # type: ignore[arg-type]


def test_a_draft_needs_neither_number_nor_hash() -> None:
    assert samples.DRAFT.draft
    assert samples.DRAFT.status_label == "Draft"


def test_the_title_never_holds_the_patients_name() -> None:
    assert samples.LIVER.patient not in samples.LIVER.title
    assert samples.LIVER.title == "Resectability opinion M-2026-0043"


@pytest.mark.parametrize(
    ("state", "contact_deg"),
    [
        ("measured", None),
        ("not_assessed", 0),
        ("not_visible", 90),
        ("measured", -1),
        ("measured", 361),
    ],
)
def test_a_contact_that_contradicts_itself_is_refused(state: str, contact_deg: int | None) -> None:
    with pytest.raises(OpinionMalformed):
        VesselContact("SMA", state, contact_deg)  # type: ignore[arg-type]


def test_the_time_of_signature_is_given_in_utc_whatever_its_offset() -> None:
    east = timezone(timedelta(hours=8))
    opinion = replace(samples.PANCREAS, signed_at=samples.SIGNED_AT.astimezone(east))
    assert opinion.signed_at_utc == samples.SIGNED_AT.replace(microsecond=0)
    assert opinion.signed_at_utc is not None
    assert opinion.signed_at_utc.utcoffset() == timedelta(0)


def test_the_limitation_says_what_imaging_and_margin_cannot_do() -> None:
    for words in ("miss small metastases", "qualified surgeon", "current images", "guarantee"):
        assert words in LIMITATION
    assert "supports the judgement and does not make it" in LIMITATION


@pytest.mark.parametrize(
    "opinion", [samples.PANCREAS, samples.LIVER, samples.DRAFT], ids=["pancreas", "liver", "draft"]
)
def test_an_opinion_kept_as_json_comes_back_equal(opinion: Opinion) -> None:
    assert from_stored(json.loads(json.dumps(to_stored(opinion)))) == opinion


def test_a_stored_opinion_of_another_format_is_refused() -> None:
    stored = to_stored(samples.LIVER) | {"format": 2}
    with pytest.raises(OpinionMalformed, match="format"):
        from_stored(stored)


def test_a_stored_opinion_with_an_unknown_field_is_refused() -> None:
    stored = to_stored(samples.LIVER)
    stored["opinion"]["signer"]["rank"] = "1"
    with pytest.raises(OpinionMalformed, match="rank"):
        from_stored(stored)


def test_the_panels_evaluation_becomes_a_value_with_its_sources() -> None:
    evaluation = evaluation_of(
        {
            "ruleset": "nccn-2022",
            "title": "NCCN (v1.2022)",
            "version": "1",
            "category": None,
            "category_label": None,
            "interval": ["resectable", "locally_advanced"],
            "interval_label": "Resectable to locally advanced",
            "fired": [{"rule": "N-BR-1", "source": "NCCN", "trust": "sourced", "text": "SMA 120°"}],
            "missing": [{"pointer": "/vessels/ca/contact_deg", "text": "coeliac axis"}],
            "capabilities": ["venous_reconstruction"],
            "flags": [{"id": "haze", "text": "stranding"}],
        }
    )
    assert evaluation.category is None
    assert evaluation.category_label == ""
    assert evaluation.fired[0].source == "NCCN"
    assert evaluation.missing[0].text == "coeliac axis"
    assert evaluation.capabilities == ("venous reconstruction",)


def test_the_panels_volume_becomes_a_value_with_its_band() -> None:
    volume = volume_of(
        {
            "id": "v",
            "state": "measured",
            "label": "FLR",
            "phase": None,
            "flr_percent": 28.0,
            "uncertainty_percent": 10,
            "refusal": None,
        }
    )
    assert volume.refusal == ""
    assert volume.band_percent == pytest.approx((25.2, 30.8))
