"""Resumable uploads (tus 1.0) under the API's addresses: the same views as for the page of uploads."""

from __future__ import annotations

from server.access.action import Action
from server.web import tus
from server.web.api.endpoint import Endpoint, Header

TAG = "Images"
_UPLOADS = "/cases/<number>/uploads"
_VERSION = Header("Tus-Resumable", "1.0.0", required=True)
_OFFSET = Header("Upload-Offset", "How many bytes have come so far.")
_CHECKSUM = Header("Upload-Checksum", "An algorithm and the piece's checksum in base64.")

ENDPOINTS = (
    Endpoint(
        "OPTIONS", _UPLOADS, tus.offer, Action.IMAGES_SEND, TAG,
        "What of tus is spoken here", None, status=204,
        gives=(Header("Tus-Extension", "Extensions."), Header("Tus-Max-Size", "In bytes.")),
    ),
    Endpoint(
        "POST", _UPLOADS, tus.create, Action.IMAGES_SEND, TAG,
        "Begin a resumable upload", None, status=201, streams=True,
        description="A DICOM file, a zip of them, a PDF or a picture; any tus 1.0 client speaks this.",
        takes=(
            _VERSION,
            Header("Upload-Length", "Size of the file in bytes.", required=True),
            Header("Upload-Metadata", "`filename` and its value in base64."),
            _CHECKSUM,
        ),
        gives=(Header("Location", "The address of the upload."), _OFFSET),
        raw_body="application/offset+octet-stream",
    ),
    Endpoint(
        "HEAD", f"{_UPLOADS}/<upload_id>", tus.standing, Action.IMAGES_SEND, TAG,
        "How much of an upload has come", None, takes=(_VERSION,), gives=(_OFFSET,),
    ),
    Endpoint(
        "PATCH", f"{_UPLOADS}/<upload_id>", tus.take, Action.IMAGES_SEND, TAG,
        "Send the next piece", None, status=204, streams=True,
        takes=(_VERSION, Header("Upload-Offset", "Where the piece begins.", required=True),
               _CHECKSUM),
        gives=(_OFFSET,), raw_body="application/offset+octet-stream",
    ),
    Endpoint(
        "DELETE", f"{_UPLOADS}/<upload_id>", tus.give_up, Action.IMAGES_SEND, TAG,
        "Give up an upload that is not whole", None, status=204, streams=True, takes=(_VERSION,),
    ),
)  # fmt: skip
