"""An amended opinion says in every form what it replaces, why, and what changed."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from highdicom.sr import srread
from pydicom.uid import Comprehensive3DSRStorage

from server.opinions.assessment import Assessment, Predecessor
from server.opinions.document import Alteration, Amendment
from server.opinions.export import assessment_json
from server.opinions.page import render_html
from server.opinions.pdf import render_pdf
from server.opinions.stored import from_stored, to_stored
from server.opinions.structured_report import structured_report
from tests.opinions.assessments import STUDY, example, imaging, section, told

DCIODVFY = shutil.which("dciodvfy")
AMENDMENT = Amendment(
    revision=1,
    signed_at=datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    signed_by="Dr A",
    reason="Measured on the <wrong> phase.",
    opinion_number="M-2026-00001-O1",
    changes=(Alteration("Superior mesenteric artery", "Contact", "170°", "120°"),),
)
BEFORE = Predecessor(STUDY, f"{STUDY}.77", f"{STUDY}.77.1")
SENTENCE = (
    "Amended, replaces revision 1 (opinion M-2026-00001-O1) because: Measured on the <wrong> phase."
)


@pytest.fixture
def amended() -> Assessment:
    first = example("pancreas", "head-borderline-sma", amendment=AMENDMENT)
    return replace(first, chain_sha256="b" * 64, previous_sha256="a" * 64, replaces=BEFORE)


def test_the_page_and_the_pdf_tell_the_amendment_and_print_it_as_text(amended: Assessment) -> None:
    page = render_html(amended.opinion)
    assert "Amended: replaces revision 1, opinion M-2026-00001-O1" in page
    assert "Because: Measured on the &lt;wrong&gt; phase." in page
    assert '<td class="before">170°</td><td class="after">120°</td>' in page
    assert render_pdf(amended.opinion).startswith(b"%PDF-")


def test_the_report_names_its_predecessor_and_what_changed(amended: Assessment) -> None:
    read = srread(io.BytesIO(structured_report(amended, imaging())))
    [study] = read.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [instance] = series.ReferencedSOPSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (STUDY, BEFORE.SeriesInstanceUID)
    assert instance.ReferencedSOPInstanceUID == BEFORE.SOPInstanceUID
    assert instance.ReferencedSOPClassUID == Comprehensive3DSRStorage
    said = section(read, "SURGEON_OPINION")
    assert told(said, "AMENDMENT") == [SENTENCE]
    assert told(said, "CHANGE") == ["Superior mesenteric artery, Contact: 170° -> 120°"]
    assert told(said, "CHAIN_SHA256") == ["b" * 64]


def test_a_first_report_has_no_predecessor() -> None:
    read = srread(io.BytesIO(structured_report(example("pancreas", "head-resectable"), imaging())))
    assert "PredecessorDocumentsSequence" not in read
    assert told(section(read, "SURGEON_OPINION"), "AMENDMENT") == []


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_in_an_amended_report(amended: Assessment, tmp_path: Path) -> None:
    assert DCIODVFY
    path = tmp_path / "report.dcm"
    path.write_bytes(structured_report(amended, imaging()))
    done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, check=False)
    said_of = [line for line in done.stderr.splitlines() if "<99MARGIN>" not in line]
    assert said_of == ["Comprehensive3DSR"]


def test_the_export_says_the_same(amended: Assessment) -> None:
    document = assessment_json(amended)
    assert document["amendment"]["statement"] == SENTENCE
    assert document["amendment"]["replaced_signed_at"].startswith("2026-11-20T08:30:00")
    assert document["provenance"]["previous_sha256"] == "a" * 64
    assert assessment_json(example("pancreas", "head-resectable"))["amendment"] is None


def test_an_amended_opinion_is_kept_and_read_back_whole(amended: Assessment) -> None:
    assert from_stored(to_stored(amended.opinion)) == amended.opinion
