"""Command sets as PS3.7 writes them, held against pydicom's reading."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom.filereader import read_dataset

from server.dicom import commands


def test_a_command_set_reads_as_pydicom_reads_it_and_back() -> None:
    command = {
        commands.STATUS: commands.short(0xC111),
        commands.AFFECTED_CLASS: commands.uid("1.2.840.10008.1.1"),
        commands.FIELD: commands.short(commands.C_ECHO_RQ),
        commands.DATASET_TYPE: commands.short(commands.NO_DATASET),
    }
    written = commands.encoded(command)
    read = read_dataset(BytesIO(written), is_implicit_VR=True, is_little_endian=True)
    assert read.CommandGroupLength == len(written) - 12
    assert read.AffectedSOPClassUID == "1.2.840.10008.1.1"
    assert (read.CommandField, read.CommandDataSetType, read.Status) == (0x30, 0x101, 0xC111)
    back = commands.elements(written)
    assert commands.number(back, commands.STATUS) == 0xC111
    assert commands.number(back, commands.MESSAGE_ID) == -1


@pytest.mark.parametrize(
    "broken",
    [
        b"\0\0\0\x01\x02",
        b"\x08\0\0\x01\x02\0\0\0\x01\0",
        b"\0\0\0\x01\xff\0\0\0\x01\0",
    ],
    ids=["cut in an element's head", "another group", "longer than it is"],
)
def test_what_is_no_command_set_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="a command set"):
        commands.elements(broken)
