"""One address of the API: what it takes, what it answers, who may use it. Routes are made from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import msgspec
from flask import Response, request
from msgspec import Struct

from server.access.action import Action
from server.access.door import NotPermitted, Route
from server.access.permissions import Account, Actor, Holder, Program
from server.foundation import kept_answers
from server.web.api.fitting import fitted, fitted_query
from server.web.api.repeats import kept_under, key_of_request
from server.web.bodies import json_body
from server.web.visit import Visit

BASE: Final = "/api/v1"


class Sent(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a program sends: a field that is not known is refused by name."""


class Given(Struct, kw_only=True):
    """What a program gets. Fields may be added in time; none is taken away within a version."""


@dataclass(frozen=True)
class Media:
    """An answer that is no JSON of ours: a file of this type."""

    type: str
    description: str


@dataclass(frozen=True)
class Part:
    """One field of a multipart body."""

    name: str
    description: str
    required: bool = False
    is_file: bool = False


@dataclass(frozen=True)
class Header:
    """A header that a request brings or an answer bears."""

    name: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One address and method. `action` has no default, as in a route.

    `view` takes the visit, the path's parameters by name, and `body` and `query` where declared.
    `example` is what it answers, `sent` what is sent; both are values of the models, so that they fit.
    `refusals` are codes that are worth naming. `creates` says that Idempotency-Key is honoured;
    `secret` that the answer is shown once and is not kept for repeating. `takes` and `gives` are
    headers of its own, `raw_body` the media type of a body that is no JSON.
    """

    method: str
    path: str
    view: Callable[..., Any]
    action: Action
    tag: str
    summary: str
    answer: type[Struct] | Media | None
    example: Struct | None = None
    body: type[Struct] | None = None
    sent: Struct | None = None
    query: type[Struct] | None = None
    parts: tuple[Part, ...] = ()
    refusals: tuple[str, ...] = ()
    status: int = 200
    creates: bool = False
    secret: bool = False
    streams: bool = False
    description: str = ""
    takes: tuple[Header, ...] = ()
    gives: tuple[Header, ...] = ()
    raw_body: str = ""
    base: str = BASE

    @property
    def url(self) -> str:
        """Its address as a rule of Flask."""
        return self.base + self.path

    def route(self) -> Route:
        """The route: the door stands before it as before every other."""
        return Route(
            self.url,
            _view(self),
            self.action,
            (self.method,),
            streams=self.streams,
            by_key=True,
        )


def _view(endpoint: Endpoint) -> Callable[..., Response]:
    @wraps(endpoint.view)
    def view(visit: Visit, **path: Any) -> Response:
        _refuse_pseudonymised(visit)
        given: dict[str, Any] = dict(path)
        if endpoint.query is not None:
            given["query"] = fitted_query(endpoint.query, request.args)
        else:
            fitted_query(NoQuery, request.args)
        sent: Any = None
        if endpoint.body is not None:
            sent = json_body()
            given["body"] = fitted(endpoint.body, sent)
        if not endpoint.creates:
            return _answered(endpoint, endpoint.view(visit, **given))
        return _once(endpoint, visit, given, sent)

    return view


class NoQuery(Sent):
    """Nothing is asked in the address."""


def _refuse_pseudonymised(visit: Visit) -> None:
    """The API names hospitals and accession numbers; a link that hides them is for the viewer."""
    if visit.pseudonymised:
        raise NotPermitted(
            "This access link hides who the patient is; the API would show it.",
            remedy="Open the link in a browser.",
            why="the grant does not show whose case it is",
            actor=visit.actor.text,
        )


def _answered(endpoint: Endpoint, answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status=204)
    content = msgspec.json.encode(answer)
    response = Response(content, status=endpoint.status, mimetype="application/json")
    href = getattr(answer, "href", "")
    if endpoint.status == 201 and href:
        response.headers["Location"] = href
    return response


def _once(endpoint: Endpoint, visit: Visit, given: dict[str, Any], sent: Any) -> Response:
    """Make the effect once for each idempotency key; without a key, each time."""
    key = key_of_request()
    if key is None:
        return _answered(endpoint, endpoint.view(visit, **given))
    row, is_new = kept_under(visit.session, actor_id(visit.actor), key, sent, visit.now)
    if not is_new:
        visit.note(repeated=True)
        response = Response(row.content, status=row.status, mimetype="application/json")
        if row.location:
            response.headers["Location"] = row.location
        response.headers["Idempotency-Replayed"] = "true"
        return response
    response = _answered(endpoint, endpoint.view(visit, **given))
    kept_answers.keep(
        row,
        status=response.status_code,
        content="" if endpoint.secret else response.get_data(as_text=True),
        location=response.headers.get("Location", ""),
    )
    return response


def actor_id(actor: Actor) -> str:
    """By what an actor is told from every other: for what is kept under their name."""
    if isinstance(actor, Program):
        return f"program {actor.program_id}"
    if isinstance(actor, Holder):
        return f"grant {actor.grant_id}"
    if isinstance(actor, Account):
        return f"person {actor.person_id}"
    return "nobody"
