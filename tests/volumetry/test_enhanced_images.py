"""What was drawn on an enhanced image: one object whose frames say where they lie."""

from __future__ import annotations

from copy import deepcopy

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, generate_uid

from server.dicom.enhanced import ImagesInOne
from server.dicom.geometry import GeometryIncomplete, of_series
from server.volumetry.counting import count
from server.volumetry.drawn import draw
from server.volumetry.written import as_segmentation
from tests.volumetry.scenes import images, mask, seg, stored

LIVER = (2, 10, 2, 14, 2, 14)
REMNANT = (2, 6, 2, 14, 2, 14)


def group(keyword: str, image: Dataset) -> Dataset:
    item = Dataset()
    setattr(item, keyword, image[keyword].value)
    return item


def enhanced(headers: list[Dataset], order: list[int]) -> Dataset:
    """The same slices as the frames of one object, in this order."""
    whole = deepcopy(headers[0])
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(whole, keyword)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    whole.NumberOfFrames = len(headers)
    shared = Dataset()
    measures = group("PixelSpacing", headers[0])
    measures.SliceThickness = headers[0].SliceThickness
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([group("ImageOrientationPatient", headers[0])])
    whole.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for index in order:
        frame = Dataset()
        place = group("ImagePositionPatient", headers[index])
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    whole.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return whole


@pytest.mark.parametrize("order", [list(range(12)), [*range(6, 12), *range(6)]])
def test_volumes_on_the_frames_of_one_image_are_those_on_single_images(order: list[int]) -> None:
    headers = images()
    whole = enhanced(headers, order)
    assert of_series([whole]).slice_spacing_mm == of_series(headers).slice_spacing_mm
    liver, remnant = mask(LIVER), mask(REMNANT)
    drawn = stored(seg([whole], Liver=liver[order], FLR=remnant[order]))
    found = count(drawn, [whole])
    single = count(stored(seg(headers, Liver=liver, FLR=remnant)), headers)
    assert [(one.label, one.voxels, one.volume_ml) for one in found.segments] == [
        (one.label, one.voxels, one.volume_ml) for one in single.segments
    ]
    assert found.spacing_mm == pytest.approx((2.0, 2.0, 3.0))


def test_a_frame_that_does_not_say_where_it_lies_is_refused_by_name() -> None:
    whole = enhanced(images(), list(range(12)))
    del whole.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    with pytest.raises(GeometryIncomplete, match="ImagePositionPatient is missing"):
        of_series([whole])


def test_nothing_is_drawn_on_an_enhanced_image_and_the_way_out_is_said() -> None:
    whole = enhanced(images(), list(range(12)))
    with pytest.raises(ImagesInOne) as refused:
        draw([whole], "liver", (10.0, 10.0, 10.0))
    assert "single images" in refused.value.remedy
    with pytest.raises(ImagesInOne):
        as_segmentation(
            {"Liver": mask(LIVER)}, of_series([whole]), [whole], description="cut", method="plane"
        )
