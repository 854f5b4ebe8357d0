"""What webhooks post, as the description tells it: made by `server.notices.posting`, compared by a test."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from server.notices.kinds import NoticeKind
from server.web.api.endpoint import Given
from server.web.api.fields import AT, NUMBER, Moment, Number


class EventCase(Given):
    """The case that an event is about. `number` stands in the API's addresses."""

    number: Number
    address: Annotated[str, Meta(description="Its page, for people.")]


class EventData(Given):
    """What happened, in days, numbers and words of fixed lists; never what somebody wrote."""

    case: Annotated[EventCase | None, Meta(description="Null where it is about no case.")]
    facts: dict[str, str | int]


class Event(Given):
    """What is posted to a webhook."""

    type: NoticeKind
    version: int
    timestamp: Moment
    data: EventData


EXAMPLE: Final = Event(
    type=NoticeKind.OPINION_ISSUED,
    version=1,
    timestamp=AT,
    data=EventData(
        case=EventCase(number=NUMBER, address=f"https://margin.example/cases/{NUMBER}"),
        facts={"on": "2026-11-20"},
    ),
)
_SIGNED: Final = (
    "Signed as Standard Webhooks 1.0.0 says: take the secret without `whsec_`, decode it from base64, "
    "and make HMAC-SHA256 with it over `webhook-id`, a dot, `webhook-timestamp`, a dot, and the body as "
    "it came; `webhook-signature` is `v1,` and the base64 of that. Answer 2xx within 10 s; anything "
    "else is tried again for four days, with the same `webhook-id`."
)
_HEADERS: Final = {
    "webhook-id": "The same for every attempt.",
    "webhook-timestamp": "Seconds since 1970; refuse what is older than some minutes.",
    "webhook-signature": "`v1,` and the signature in base64.",
}


def described() -> dict[str, Any]:
    """The `webhooks` of the OpenAPI document."""
    content = {
        "schema": {"$ref": "#/components/schemas/Event"},
        "example": msgspec.to_builtins(EXAMPLE),
    }
    return {
        "event": {
            "post": {
                "operationId": "webhooks.event",
                "tags": ["Webhooks"],
                "summary": "What is posted to a webhook",
                "description": _SIGNED,
                "parameters": [
                    {
                        "name": name,
                        "in": "header",
                        "required": True,
                        "description": said,
                        "schema": {"type": "string"},
                    }
                    for name, said in _HEADERS.items()
                ],
                "requestBody": {"required": True, "content": {"application/json": content}},
                "responses": {"2XX": {"description": "It came."}},
                "security": [],
            }
        }
    }
