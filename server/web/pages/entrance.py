"""The front door for accounts: where to go, signing in, signing out."""

from __future__ import annotations

import hashlib

from flask import Response, request

from server.access import actions
from server.access.action import Action
from server.access.actions import SignInFailed, TooManyAttempts
from server.access.door import Route, account_of
from server.access.permissions import Account
from server.foundation import audit, strangers
from server.people.queries import person, person_of_email
from server.web import cookies
from server.web.forms import SignInForm
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.visit import Visit

SIGN_IN_PAGE = "/sign-in"


def front(visit: Visit) -> Response:
    """To the page where this person's work is."""
    if not isinstance(visit.actor, Account):
        return go(SIGN_IN_PAGE)
    return go("/worklist" if visit.may(Action.WORKLIST_READ) else "/audit")


def show_sign_in(visit: Visit) -> Response:
    if isinstance(visit.actor, Account):
        return front(visit)
    form = SignInForm(next=local(request.args.get("next", "")))
    return page(visit, "sign_in.html", form=form)


def sign_in(visit: Visit) -> Response:
    """Check the address and the password, and give the cookie.

    A failure is answered, not raised: its line in the audit trail and the count of failures must be
    kept, and a second transaction would wait for this one's lock.
    """
    form = SignInForm()
    if not form.validate():
        return page(visit, "sign_in.html", refused=FORM_REFUSED, form=form)
    email = form.email.data or ""
    try:
        actions.check_attempts(visit.session, email, visit.now)
        begun, secret = actions.sign_in(
            visit.session,
            email=email,
            password=form.password.data or "",
            code=(form.code.data or "").replace(" ", ""),
            now=visit.now,
        )
    except (SignInFailed, TooManyAttempts) as error:
        if isinstance(error, SignInFailed):
            actions.note_failure(visit.session, email, visit.now)
        _refused(visit, email, error.code)
        form.form_errors.append(f"{error.detail} {error.remedy}")
        return page(visit, "sign_in.html", refused=error, form=form)
    account = account_of(visit.session, person(visit.session, begun.person_id))
    audit.append(
        visit.session,
        actor=account.text,
        action=Action.SIGN_IN.value,
        object_=f"POST {SIGN_IN_PAGE}",
        outcome="done",
        now=visit.now,
    )
    response = go(local(form.next.data or "") or "/")
    name = cookies.sign_in_name(visit.services.settings)
    cookies.give(response, visit.services.settings, name, secret, expires_at=begun.expires_at)
    return response


def sign_out(visit: Visit) -> Response:
    """End this account's session, and the visits that it began in this browser: whoever sits down here
    next must not come back to their images by the browser's history."""
    settings = visit.services.settings
    secret = cookies.read(request, cookies.sign_in_name(settings)) or ""
    actions.sign_out(visit.session, secret, visit.now)
    if isinstance(visit.actor, Account):
        begun = cookies.launch_ids(request, settings)
        actions.end_visits(visit.session, visit.actor.person_id, begun, visit.now)
    response = go(SIGN_IN_PAGE, "You are signed out.")
    cookies.take_back(response, settings, cookies.sign_in_name(settings))
    # Images that were looked at lie in the browser's cache. (W3C Clear Site Data; by https only.)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def local(address: str) -> str:
    """An address of this site to go to after signing in, or nothing."""
    good = (
        address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    )
    return address if good and "\\" not in address else ""


def _refused(visit: Visit, email: str, reason: str) -> None:
    """Many failures on one account are counted together, and so are those on no account of ours."""
    # What was typed as an address may be a mistyped password: only its hash is kept.
    mark = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:16]
    strangers.note(
        visit.session,
        kind=reason,
        about=mark if person_of_email(visit.session, email) else "",
        action=Action.SIGN_IN.value,
        object_=f"POST {SIGN_IN_PAGE}",
        outcome="refused",
        now=visit.now,
        reason=reason,
        details={"email_sha256": mark} if email else {},
    )


ROUTES = [
    Route("/", front, Action.PUBLIC),
    Route(SIGN_IN_PAGE, show_sign_in, Action.PUBLIC),
    Route(SIGN_IN_PAGE, sign_in, Action.SIGN_IN, ("POST",)),
    Route("/sign-out", sign_out, Action.SIGN_OUT, ("POST",)),
]
