"""What values are bound to lies in the case: looked up in a real archive, refused at the value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    SegmentationStorage,
)

from server.access.action import Permit
from server.access.actions import issue_grant
from server.cases.actions import attach_study, detach_study
from server.cases.queries import case_by_number
from server.foundation.settings import Settings
from server.people.queries import person
from tests.archive.orthanc_process import PASSWORD, USER, OrthancProcess, running_orthanc
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

CONTACT = "/vessels/sma/contact_deg"
AT = "/evidence/~1vessels~1sma~1contact_deg"
SERIES, SLICE = f"{INSIDE_STUDY}.2", f"{INSIDE_STUDY}.2.1"
FRAMES, LOOP = f"{INSIDE_STUDY}.3", f"{INSIDE_STUDY}.3.1"
SEG = f"{INSIDE_STUDY}.4"
OTHER_SERIES, OTHER_SLICE = f"{OUTSIDE_STUDY}.2", f"{OUTSIDE_STUDY}.2.1"
Visit = Callable[..., tuple[FlaskClient, str]]


def file(sop_class: UID, study: str, series: str, uid: str, modality: str, **more: Any) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, UID(uid)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID(study), UID(series)
    dataset.PatientID, dataset.Modality = f"P{study[-1]}", modality
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def segment(number: int) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, "Tumour"
    return item


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("bound-orthanc")) as process:
        archive = process.archive()
        for made in (
            file(CTImageStorage, INSIDE_STUDY, SERIES, SLICE, "CT"),
            file(EnhancedCTImageStorage, INSIDE_STUDY, FRAMES, LOOP, "CT", NumberOfFrames=3),
            file(
                SegmentationStorage,
                INSIDE_STUDY,
                SEG,
                f"{SEG}.1",
                "SEG",
                SegmentSequence=[segment(1), segment(2)],
            ),
            file(CTImageStorage, OUTSIDE_STUDY, OTHER_SERIES, OTHER_SLICE, "CT"),
        ):
            archive.store_instance(made)
        archive.close()
        yield process


@pytest.fixture
def settings(settings: Settings, orthanc: OrthancProcess) -> Settings:
    """The same, with an archive that answers."""
    return replace(settings, orthanc_url=orthanc.url, orthanc_user=USER, orthanc_password=PASSWORD)


@pytest.fixture
def come(app: Flask, small_world: World, today: datetime) -> Visit:
    """A surgeon's visit, with names or without."""

    def open_link(*, pseudonymised: bool = False) -> tuple[FlaskClient, str]:
        with app.extensions["margin"].db.writing() as session:
            token = issue_grant(
                session,
                case=case_by_number(session, small_world.inside.number),
                for_whom="Lena",
                permits=frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.SIGN}),
                days=1,
                issued_by="test",
                now=today,
                person=person(session, small_world.surgeon.id),
                pseudonymised=pseudonymised,
            ).token
        client = app.test_client()
        base = client.post("/open", json={"token": token}).get_json()["location"]
        return client, base.rstrip("/")

    return open_link


def bound(
    study: str = INSIDE_STUDY, series: str = SERIES, uid: str = SLICE, **more: Any
) -> dict[str, Any]:
    image = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": uid}
    image |= {name: more.pop(name) for name in list(more) if name[0].isupper()}
    return {"kind": "key_image", "state": "supported", "image": image, **more}


def saved(
    visitor: tuple[FlaskClient, str], entry: dict[str, Any], version: int = 0, at: str = CONTACT
) -> Any:
    client, base = visitor
    answers = {
        "site": "head",
        "vessels": {"sma": {"contact_deg": 90}},
        "evidence": {at: entry},
    }
    return client.put(f"{base}/api/annotation", json={"answers": answers, "version": version})


def entry_seen(visitor: tuple[FlaskClient, str], at: str = CONTACT) -> dict[str, Any]:
    client, base = visitor
    answers = client.get(f"{base}/api/panel").get_json()["annotation"]["answers"]
    assert answers["vessels"] == {"sma": {"contact_deg": 90}}
    found: dict[str, Any] = answers["evidence"][at]
    return found


@pytest.mark.parametrize(
    "entry",
    [
        bound(),
        bound(series=FRAMES, uid=LOOP, FrameNumber=3),
        bound(SegmentationSeriesInstanceUID=SEG, kind="segment", segment_number=2),
    ],
    ids=["image", "frame", "segment"],
)
def test_a_value_is_bound_to_an_image_a_frame_and_a_segment_of_the_case(
    come: Visit, entry: dict[str, Any]
) -> None:
    visitor = come()
    assert saved(visitor, entry).status_code == 200
    assert entry_seen(visitor) == entry


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (bound(OUTSIDE_STUDY, OTHER_SERIES, OTHER_SLICE), "lies in no study of this case"),
        (bound(study="1.2.3"), "lies in no study of this case"),
        (bound(series=OTHER_SERIES, uid=OTHER_SLICE), "holds no such series"),
        (bound(uid=OTHER_SLICE), "holds no such image"),
        (bound(FrameNumber=2), "has 1 frame; frame 2 was named"),
        (bound(series=FRAMES, uid=LOOP, FrameNumber=4), "has 3 frames; frame 4 was named"),
        (bound(SegmentationSeriesInstanceUID=SERIES, segment_number=1), "is no segmentation"),
        (bound(SegmentationSeriesInstanceUID=SEG, segment_number=3), "has no segment 3"),
        (bound(SegmentationSeriesInstanceUID="1.2.3", segment_number=1), "no such segmentation"),
    ],
)
def test_what_is_no_image_of_the_case_is_refused_at_the_value(
    come: Visit, entry: dict[str, Any], why: str
) -> None:
    visitor = come()
    refused = saved(visitor, entry)
    assert refused.status_code == 422
    [problem] = refused.get_json()["error"]["problems"]
    assert problem["pointer"] == AT and why in problem["message"]
    assert visitor[0].get(f"{visitor[1]}/api/panel").get_json()["annotation"]["answers"] == {}


def test_a_visitor_without_names_binds_by_the_uids_shown_and_by_no_others(
    come: Visit, small_world: World
) -> None:
    hidden, plain = come(pseudonymised=True), come()
    assert saved(plain, bound()).status_code == 200
    known = entry_seen(hidden)
    assert INSIDE_STUDY not in str(known)
    other = {**known, "image": {**known["image"], "SOPInstanceUID": SLICE}}
    for foreign in (bound(), other, bound(series=FRAMES, uid=LOOP)):
        refused = saved(hidden, {**foreign, "label": "new"} | {"segment_number": 1}, 1)
        assert refused.status_code == 422, foreign
    again = saved(hidden, {**known, "segment_number": 1}, 1)
    assert again.status_code == 200
    assert entry_seen(plain)["image"] == bound()["image"]


def test_a_study_taken_out_of_the_case_leaves_its_values_unsupported_until_it_is_back(
    come: Visit, app: Flask, small_world: World, today: datetime
) -> None:
    visitor = come()
    assert saved(visitor, bound(), at="/site").status_code == 200
    db = app.extensions["margin"].db
    with db.writing() as session:
        detach_study(session, case_by_number(session, small_world.inside.number), INSIDE_STUDY)
    gone = entry_seen(visitor, "/site")
    assert (gone["state"], gone["because"]) == ("unsupported", "study_detached")
    assert saved(visitor, gone, 1, "/site").status_code == 200
    preview = visitor[0].get(f"{visitor[1]}/api/preview").text
    assert "its study belongs to this case no more" in preview
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        attach_study(session, case, INSIDE_STUDY, by="test", reason="back", now=today)
    assert entry_seen(visitor, "/site") == bound()
