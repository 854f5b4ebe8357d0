"""Letters about both opinions: begun from a template, edited, kept, printed, and made into a PDF."""

from __future__ import annotations

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.answers import actions, letters
from server.answers.actions import LetterChangedMeanwhile
from server.answers.letters import About, Difference, Letter
from server.answers.queries import letter as kept_letter
from server.answers.queries import points_of
from server.answers.records import AnswerLetter
from server.foundation.errors import Conflict, Invalid, NotFound
from server.opinions.stored import from_stored
from server.web.kept_pdf import kept_pdf
from server.web.languages import said_each, say
from server.web.pages.answer import signed_opinion
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.typed_forms import came_back, typed_fields, version_of
from server.web.visit import Visit


class LetterNotFound(NotFound):
    """There is no letter of this kind or language, or its document is still being made."""


class NoOpinionToWriteAbout(Conflict):
    """A letter speaks of an issued opinion, and there is none yet."""


def letter_page(
    visit: Visit, refused: Invalid | Conflict | None = None, text: str | None = None
) -> Response:
    """The letter as it was kept, or as its template begins it, in the language asked for."""
    kind, language = _asked(request.args.get("kind"), request.args.get("language"), visit)
    begun = _begun(visit, kind, language)
    kept = kept_letter(visit.session, visit.case.id, kind, language)
    return page(
        visit,
        "letter.html",
        refused=refused,
        case=visit.case,
        base=base_of(visit),
        kind=kind,
        language=language,
        kinds=said_each(letters.KINDS),
        languages=letters.language_names(),
        title=begun.title,
        begun=begun.text,
        kept=kept,
        version=kept.version if kept else 0,
        text=text if text is not None else kept.text if kept else begun.text,
        **came_back(refused, "letter"),
    )


def letter_as_kept(visit: Visit, kind: str, language: str) -> tuple[AnswerLetter | None, Letter]:
    """A letter as it was last kept, or None, and as its template begins it.

    Raises LetterNotFound and NoOpinionToWriteAbout.
    """
    asked = _asked(kind, language, visit)
    return kept_letter(visit.session, visit.case.id, *asked), _begun(visit, *asked)


def _asked(kind: str | None, language: str | None, visit: Visit) -> tuple[str, str]:
    usual = visit.case.hospital.language
    known = usual if usual in letters.LANGUAGES else "en"
    found = (kind or "local_team", language or known)
    if found[0] not in letters.KINDS or found[1] not in letters.LANGUAGES:
        raise LetterNotFound("There is no such letter.", remedy="Choose one from the page.")
    return found


def _begun(visit: Visit, kind: str, language: str) -> Letter:
    issued, signed = signed_opinion(visit)
    if issued is None or signed is None:
        raise NoOpinionToWriteAbout(
            "There is no issued opinion to write about yet.",
            remedy="Come back when the opinion is signed.",
        )
    opinion = from_stored(issued.content)
    about = About(
        case_number=visit.case.number,
        opinion_number=issued.number,
        opinion_date=issued.requested_at.date().isoformat(),
        surgeon=opinion.signer.name,
        centre=opinion.signer.centre,
        writer=getattr(visit.actor, "name", ""),
        differences=[
            Difference(one.local_text, one.second_text)
            for one in points_of(visit.session, visit.case.id)
            if one.standing == "differ"
        ],
    )
    return letters.begun(kind, language, about)


def keep(visit: Visit) -> Response:
    """Keep the letter as it was edited; its PDF is made within seconds."""
    typed = typed_fields()
    kind, language = _asked(typed.get("kind"), typed.get("language"), visit)
    try:
        with visit.attempt():
            actions.keep_letter(
                visit.session,
                visit.case,
                kind=kind,
                language=language,
                text=typed.get("text", ""),
                seen_version=version_of(typed),
                by=visit.actor.text,
                now=visit.now,
            )
    except (Invalid, LetterChangedMeanwhile) as error:
        return letter_page(visit, error, typed.get("text", ""))
    visit.note(letter=kind, language=language)
    return go(
        f"{base_of(visit)}/answer/letter?kind={kind}&language={language}",
        say("The letter is kept."),
    )


def letter_pdf(visit: Visit, kind: str, language: str) -> Response:
    """The letter as it was last kept, as PDF."""
    found = kept_letter(visit.session, visit.case.id, *_asked(kind, language, visit))
    if found is None or not found.sha256:
        raise LetterNotFound(
            "There is no document of this letter yet.",
            remedy="Keep the letter; its PDF is made within seconds.",
        )
    response = kept_pdf(visit, found.sha256, f"letter-{visit.case.number}-{kind}-{language}.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response


ROUTES = [
    *(
        Route(f"{base}/answer/letter", letter_page, Action.LETTER_WRITE)
        for base in ("/cases/<number>", "/r/<launch>")
    ),
    *(
        Route(f"{base}/answer/letter", keep, Action.LETTER_WRITE, ("POST",))
        for base in ("/cases/<number>", "/r/<launch>")
    ),
    *(
        Route(f"{base}/answer/letter/<kind>/<language>.pdf", letter_pdf, Action.LETTER_WRITE)
        for base in ("/cases/<number>", "/r/<launch>")
    ),
]
