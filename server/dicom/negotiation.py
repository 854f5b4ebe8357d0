"""Opening an association: what is asked for (PS3.8 9.3.2), and why it was turned down (9.3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from server.dicom.peer import Peer
from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from server.foundation.errors import Refused

LARGEST_PDU: Final = 131072  # what we offer, and what we send to a peer that names no limit
_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"  # PS3.7 A.2.1

Wanted = tuple[str, str]
"""SOP class and transfer syntax, each pair a presentation context of its own."""


class AssociationRejected(Refused):
    """The receiver answered and did not accept the association; `is_transient` says whether a later
    attempt may succeed (PS3.8 9.3.4, Result 2)."""

    is_transient = False


def request_of(peer: Peer, wanted: Sequence[Wanted]) -> A_ASSOCIATE:
    """The request for one context for each pair, numbered 1, 3, 5 and so on."""
    request = A_ASSOCIATE()
    request.application_context_name = UID(_APPLICATION_CONTEXT)
    request.calling_ae_title = peer.calling_aet
    request.called_ae_title = peer.called_aet
    contexts = []
    for index, (sop_class, syntax) in enumerate(wanted):
        context = PresentationContext()
        context.context_id = 2 * index + 1
        context.abstract_syntax = UID(sop_class)
        context.transfer_syntax = [UID(syntax)]
        contexts.append(context)
    request.presentation_context_definition_list = contexts
    length = MaximumLengthNotification()
    length.maximum_length_received = LARGEST_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    request.user_information = [length, implementation, version]
    return request


def rejection(peer: Peer, answer: A_ASSOCIATE_RJ) -> AssociationRejected:
    """The receiver's refusal in words, with what to do about it."""
    cause = (answer.source, answer.reason_diagnostic)  # PS3.8 Table 9-21
    if cause == (1, 3):
        detail = (
            f"{peer.host}:{peer.port} does not recognise the calling AE title {peer.calling_aet}."
        )
        remedy = "Have this title registered there, or give the registered one with --calling-aet."
    elif cause == (1, 7):
        detail = f"{peer.host}:{peer.port} does not go by the called AE title {peer.called_aet}."
        remedy = "Give the receiver's own title with --called-aet."
    else:
        try:
            reason = answer.reason_str
        except ValueError:
            reason = f"source {answer.source}, reason {answer.reason_diagnostic}"
        detail = f"{peer} rejected the association: {reason}."
        remedy = "Ask whoever runs the receiver; its log names the cause."
    rejection = AssociationRejected(detail, remedy=remedy)
    rejection.is_transient = answer.result == 2
    return rejection
