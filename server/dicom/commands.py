"""Command sets: what a DICOM message asks for or answers, ahead of its dataset (PS3.7 6.3.1 and E.1).

A command set is always Implicit VR Little Endian. It is packed here because pydicom takes 0.4 ms for it,
for every instance that is sent.
"""

from __future__ import annotations

import struct
from typing import Final

# Values of Command Field (0000,0100), PS3.7 E.1.
C_STORE_RQ: Final = 0x0001
C_ECHO_RQ: Final = 0x0030
N_ACTION_RQ: Final = 0x0130
N_EVENT_REPORT_RQ: Final = 0x0100
N_EVENT_REPORT_RSP: Final = 0x8100

# Values of Command Data Set Type (0000,0800): any but the first says that a dataset follows.
NO_DATASET: Final = 0x0101
WITH_DATASET: Final = 0x0001

# Elements of group 0000, PS3.7 E.1.
AFFECTED_CLASS: Final = 0x0002
REQUESTED_CLASS: Final = 0x0003
FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
RESPONDED_TO: Final = 0x0120
PRIORITY: Final = 0x0700
DATASET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
ERROR_COMMENT: Final = 0x0902
AFFECTED_INSTANCE: Final = 0x1000
REQUESTED_INSTANCE: Final = 0x1001
EVENT_TYPE: Final = 0x1002
ACTION_TYPE: Final = 0x1008

_ELEMENT: Final = struct.Struct("<HHL")  # group, element, length
_GROUP_LENGTH: Final = struct.Struct("<HHLL")

Command = dict[int, bytes]


def short(value: int) -> bytes:
    """A value of VR US."""
    return struct.pack("<H", value)


def uid(value: str) -> bytes:
    """A value of VR UI, of even length (PS3.5 9.1)."""
    return value.encode("ascii") + b"\0" * (len(value) % 2)


def encoded(command: Command) -> bytes:
    """The command set as it is sent: elements in ascending order, their length in front."""
    body = b"".join(
        _ELEMENT.pack(0, element, len(value)) + value for element, value in sorted(command.items())
    )
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def elements(command: bytes) -> Command:
    """The values of a command set by element. Raises ValueError for bytes that are none."""
    found: Command = {}
    at = 0
    while at < len(command):
        try:
            group, element, length = _ELEMENT.unpack_from(command, at)
        except struct.error as problem:
            raise ValueError("a command set ends within an element") from problem
        start = at + _ELEMENT.size
        at = start + length
        if group != 0 or at > len(command):
            raise ValueError("a command set holds something else than elements of group 0000")
        found[element] = command[start:at]
    return found


def number(command: Command, element: int) -> int:
    """A value of VR US; -1 where there is none."""
    value = command.get(element, b"")
    return int.from_bytes(value[:2], "little") if len(value) >= 2 else -1
