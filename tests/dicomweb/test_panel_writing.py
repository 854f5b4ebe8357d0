"""Two members of a panel draw on the same study: by the real door, while they vote and afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from server.access.action import Permit
from server.access.actions import issue_grant
from server.archive import Archive
from server.cases.records import Case, CaseStudy
from server.dicomweb.storing.sent import DUPLICATE_INSTANCE, NOT_AUTHORISED
from server.foundation.db import Database
from server.panel.records import Panel
from tests.archive.files import written
from tests.dicomweb import samples
from tests.dicomweb.pseudonymised import Reader, reading_of
from tests.dicomweb.samples import multipart, segmentation

pytestmark = pytest.mark.orthanc
STUDY = samples.WRITABLE
IMAGES, IMAGE = f"{STUDY}.1", f"{STUDY}.1.1"
MARAS = f"{STUDY}.8801"
NILS = f"{STUDY}.8802"


@pytest.fixture
def members(
    archive: Archive, migrated_sqlite: Path, tmp_path: Path
) -> Iterator[tuple[Reader, Reader, Database]]:
    """Mara, Nils, and the database in which their panel votes."""
    with reading_of(archive, migrated_sqlite, tmp_path, STUDY, pseudonymised=False) as mara:
        database = Database(f"sqlite:///{tmp_path / 'margin.db'}")
        now = datetime.now(UTC)
        with database.writing() as session:
            wanted = select(Case).join(CaseStudy).where(CaseStudy.StudyInstanceUID == STUDY)
            case = session.scalars(wanted).one()
            session.add(
                Panel(
                    case_id=case.id,
                    number=1,
                    case_round=case.round,
                    rule="majority_of_three",
                    wanted=2,
                    convened_at=now,
                    convened_by="test",
                )
            )
            token = issue_grant(
                session,
                case=case,
                for_whom="Nils",
                permits=frozenset({Permit.VIEW, Permit.ANNOTATE}),
                days=1,
                issued_by="test",
                now=now,
            ).token
        yield mara, replace(mara, token=token, heard={}), database
        database.dispose()


def store(reader: Reader, uid: str, series: str) -> tuple[int, list[int]]:
    body, content_type = multipart(written(segmentation(uid, series)))
    headers = {"Authorization": f"Bearer {reader.token}", "Content-Type": content_type}
    answer = reader.client.post("/dicom-web/studies", data=body, headers=headers)
    failed = json.loads(answer.data).get("00081198", {}).get("Value", [])
    return answer.status_code, [one["00081197"]["Value"][0] for one in failed]


def series_of(reader: Reader) -> set[str]:
    found = reader.found(f"/studies/{STUDY}/series")
    return {one["0020000E"]["Value"][0] for one in found}


def test_a_drawing_is_its_authors_alone_until_the_votes_are_opened(
    members: tuple[Reader, Reader, Database],
) -> None:
    mara, nils, database = members
    assert IMAGES in series_of(nils)
    assert store(mara, f"{MARAS}.1", MARAS) == (200, [])
    assert MARAS in series_of(mara)
    assert MARAS not in series_of(nils)
    path = f"/studies/{STUDY}/series/{MARAS}"
    for rest in ("", "/metadata", f"/instances/{MARAS}.1", f"/instances/{MARAS}.1/frames/1"):
        assert nils.ask(path + rest).status_code == 404
    nils.found(f"/instances?SOPInstanceUID={MARAS}.1")
    for rest in ("", "/metadata", "/instances", "/bulkdata", "/pixeldata", "/rendered"):
        nils.ask(f"/studies/{STUDY}{rest}")
    asked_for_it = {name for name in nils.heard if MARAS in name}
    assert not [n for n in nils.heard.keys() - asked_for_it if MARAS.encode() in nils.heard[n]]
    with database.writing() as session:
        session.scalars(select(Panel)).one().state = "open"
    assert MARAS in series_of(nils)


def test_nobody_takes_images_from_the_others_by_what_they_store(
    members: tuple[Reader, Reader, Database],
) -> None:
    mara, nils, _ = members
    assert store(mara, IMAGE, f"{MARAS}.9") == (409, [DUPLICATE_INSTANCE])
    assert store(mara, f"{MARAS}.2", IMAGES) == (409, [NOT_AUTHORISED])
    assert store(mara, f"{NILS}.1", NILS) == (200, [])
    assert store(nils, f"{NILS}.2", NILS) == (409, [NOT_AUTHORISED])
    assert store(mara, f"{NILS}.3", NILS) == (200, [])
    assert IMAGES in series_of(nils)
    assert (
        nils.ask(f"/studies/{STUDY}/series/{IMAGES}/instances/{IMAGE}/frames/1").status_code == 200
    )
