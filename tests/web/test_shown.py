"""The panel's JSON under pseudonyms, and the way back of what the panel sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from server.dicom.pseudonyms import Pseudonyms
from server.web.redaction import Identity, without_identity
from server.web.shown import Veil

ROOT = "1.2.826.0.1.3680043.9999.5"
STUDY, SERIES, IMAGE = f"{ROOT}.1", f"{ROOT}.1.2", f"{ROOT}.1.2.3"
WHO = Identity(names=frozenset({"QUILLFEATHER^OTTOLINE"}), identifiers=frozenset({"QF448812"}))


@dataclass
class CaseView:
    """The pseudonyms of a case whose archive knows `uids`."""

    pseudonyms: Pseudonyms
    uids: frozenset[str]

    def real(self, uid: str) -> str | None:
        return {self.shown(one): one for one in self.uids}.get(uid)

    def shown(self, uid: str) -> str:
        return self.pseudonyms.uid(uid)

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        return dataset


def veil(*uids: str) -> Veil:
    view = CaseView(Pseudonyms(b"0123456789abcdef", "M-2026-00001"), frozenset(uids))
    return Veil(view, lambda text: without_identity(text, WHO))


KNOWING, AWAY = veil(STUDY, SERIES, IMAGE), veil()
SHOWN = {uid: KNOWING.view.shown(uid) for uid in (STUDY, SERIES, IMAGE)}
STORED = {
    "site": "head",
    "recommendation": {"text": "Mrs Quillfeather should be operated on."},
    "vessels": [{"kind": "solid", "contact_deg": 120}, {"contact_deg": "not_assessed"}],
    "evidence": {
        "/vessels/sma/contact_deg": [
            {"StudyInstanceUID": STUDY, "SOPInstanceUID": IMAGE, "frame": 3, "points": [[1.5, 2]]}
        ],
        SERIES: f"wadors:/studies/{STUDY}/series/{SERIES}/frames/1",
    },
}


@pytest.mark.parametrize("over", [KNOWING, AWAY], ids=["archive answers", "archive away"])
def test_answers_are_shown_under_pseudonyms_and_come_back_as_they_were(over: Veil) -> None:
    shown = over.answers(STORED)
    assert ROOT not in str(shown) and "uillfeather" not in str(shown)
    assert shown["vessels"] == STORED["vessels"] and shown["site"] == "head"
    assert shown["evidence"][SHOWN[SERIES]].endswith(f"/series/{SHOWN[SERIES]}/frames/1")
    assert over.kept(shown, STORED) == STORED


def test_new_evidence_is_stored_with_the_archives_uids() -> None:
    sent = {"evidence": {"/ecog": [{"SOPInstanceUID": SHOWN[IMAGE], "frame": 1}]}}
    kept = KNOWING.kept(sent, {})
    assert kept == {"evidence": {"/ecog": [{"SOPInstanceUID": IMAGE, "frame": 1}]}}


def test_evidence_of_an_image_that_nobody_can_tell_now_stays_and_is_told_later() -> None:
    sent = {"evidence": {"/ecog": [{"SOPInstanceUID": SHOWN[IMAGE]}]}}
    stored = AWAY.kept(sent, {})
    assert stored == sent
    again = AWAY.kept(AWAY.answers(stored), stored)
    assert again == stored
    assert KNOWING.answers(again) == sent


def test_evidence_that_moves_to_another_place_keeps_its_image() -> None:
    shown = AWAY.answers({"evidence": {"/ecog": [{"SOPInstanceUID": IMAGE}]}})
    moved = {"evidence": {"/site": shown["evidence"]["/ecog"]}}
    stored = {"evidence": {"/ecog": [{"SOPInstanceUID": IMAGE}]}}
    assert AWAY.kept(moved, stored)["evidence"]["/site"] == [{"SOPInstanceUID": IMAGE}]


def test_what_is_written_anew_is_kept_as_it_was_written() -> None:
    sent = {"recommendation": {"text": "Operate."}, "vessels": [{"kind": "haze_only"}], "ecog": 1}
    assert KNOWING.kept(sent, STORED) == sent


def test_a_volume_is_shown_without_uids_and_with_the_known_words_of_its_labels() -> None:
    volume = {
        "label": "Liver QUILLFEATHER",
        "series_description": "PORTAL VENOUS Ottoline",
        "SOPInstanceUID": IMAGE,
        "state": "refused",
        "liver_ml": 1500.5,
        "flr_percent_range": [25.2, 30.8],
        "refusal": "The segment “tumour of J. Smith” is empty in QF-448812.",
        "notes": [f"Measured on {SERIES}."],
    }
    assert KNOWING.volume(volume) == {
        **volume,
        "label": "Liver",
        "series_description": "PORTAL VENOUS",
        "SOPInstanceUID": SHOWN[IMAGE],
        "refusal": "The segment “tumour of” is empty in ….",
        "notes": [f"Measured on {SHOWN[SERIES]}."],
    }


def test_a_choice_of_the_form_is_no_name() -> None:
    named = Veil(
        KNOWING.view,
        lambda text: without_identity(text, Identity(names=frozenset({"SOLID^TALL_CELL"}))),
    )
    assert named.answers({"kind": "solid"}) == {"kind": "solid"}
    assert named.answers({"note": "Solid tumour of Mrs Solid"})["note"].count("…") == 2


def test_a_uid_of_few_components_is_told_by_its_keyword() -> None:
    short = veil("1.2.3")
    stored = {"evidence": {"/ecog": [{"image": {"StudyInstanceUID": "1.2.3"}}]}}
    shown = short.answers(stored)
    assert shown["evidence"]["/ecog"][0]["image"]["StudyInstanceUID"] == short.view.shown("1.2.3")
    assert short.kept(shown, {}) == stored
    assert short.volume({"SOPInstanceUID": "1.2.3"}) == {
        "SOPInstanceUID": short.view.shown("1.2.3")
    }
