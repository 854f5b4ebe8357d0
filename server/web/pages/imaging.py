"""What people say about the imaging of a case: phases, waivers, and what the hospital is to mend."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Response, request, send_file
from wtforms import HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Length

from server.access.action import Action
from server.access.door import Route
from server.cases.lifecycle import Event
from server.foundation.errors import BadRequest, Invalid, NotFound
from server.imaging import actions, letter
from server.imaging.actions import LONGEST_REASON
from server.imaging.findings import Severity
from server.imaging.phase import Phase
from server.imaging.protocols import protocol_named
from server.imaging.queries import CaseImaging, return_of_case, series_row
from server.imaging.sheet import sheet_html
from server.imaging.submission import BodySize
from server.imaging.wording import language_names, words_of
from server.intake.body_size import imaging_now, size_in_records
from server.opinions.printing import printed
from server.people.queries import hospital
from server.prepared.shelf import Shelf
from server.web import telling
from server.web.forms import Form, WholeNumber, choices, required, show_problems, text_only
from server.web.pages import imaging_shown
from server.web.pages.cases import show_case
from server.web.pages.layout import FORM_REFUSED, go, page
from server.web.visit import Visit


class NotAssessedYet(NotFound):
    """The imaging of the case was not assessed yet."""


class PhaseUnknown(BadRequest):
    """A form named a phase that there is not."""


class NoThumbnail(NotFound):
    """The series has no small picture yet."""


class WaiverForm(Form):
    key = HiddenField(validators=required("Reload the case."))
    reason = StringField("Reason", [Length(max=LONGEST_REASON)], filters=[text_only])


class ReturnForm(Form):
    """`step` is preview or send."""

    version = WholeNumber(validators=required("Reload the case."))
    findings = SelectMultipleField("Points for the hospital")
    language = SelectField("Language of the letter")
    note = TextAreaField("In your own words", [Length(max=LONGEST_REASON)], filters=[text_only])
    step = HiddenField()


def set_phase(visit: Visit, series_id: str) -> Response:
    """A person says which phase a series is; an empty choice takes that back."""
    row = series_row(visit.session, visit.case.id, series_id)
    wanted = request.form.get("phase", "")
    if wanted and wanted not in dict(imaging_shown.PHASES):
        raise PhaseUnknown("There is no such phase.", remedy="Choose one from the list.")
    phase = Phase(wanted) if wanted else None
    actions.set_phase(
        visit.session,
        visit.case,
        row,
        phase,
        by=visit.actor.text,
        now=visit.now,
        given=_given(visit),
    )
    visit.note(series=row.id, phase=wanted or "as read")
    said = f"is taken as {phase.in_words}" if phase else "is taken as read from its images"
    return go(f"/cases/{visit.case.number}#imaging", f"The series {said}.")


def waive(visit: Visit) -> Response:
    """A finding does not count for this case, and why."""
    form = WaiverForm()
    if not form.validate():
        return show_case(visit, refused=FORM_REFUSED, waiver_form=form)
    try:
        with visit.attempt():
            waiver = actions.waive(
                visit.session,
                visit.case,
                form.key.data or "",
                reason=form.reason.data or "",
                by=visit.actor.text,
                now=visit.now,
                given=_given(visit),
            )
    except Invalid as error:
        show_problems(form, error)
        return show_case(visit, refused=error, waiver_form=form)
    visit.note(finding=waiver.finding_id, why=waiver.reason)
    return go(f"/cases/{visit.case.number}#imaging", "The finding no longer counts.")


def let_count(visit: Visit) -> Response:
    """A waived finding counts again."""
    key = request.form.get("key", "")
    given = _given(visit)
    actions.let_count(
        visit.session, visit.case, key, by=visit.actor.text, now=visit.now, given=given
    )
    visit.note(finding=key.partition(".")[0])
    return go(f"/cases/{visit.case.number}#imaging", "The finding counts again.")


def assess_again(visit: Visit) -> Response:
    """Have the images assessed once more."""
    mark = f"asked {visit.now.isoformat(timespec='seconds')}"
    actions.ask_for_assessment(visit.session, visit.case.id, mark=mark, now=visit.now)
    return go(f"/cases/{visit.case.number}#imaging", "The images are being assessed again.")


# The way back to the hospital


def show_return(visit: Visit) -> Response:
    """Choose what the hospital is to mend: everything that limits is chosen already."""
    imaging = _imaging(visit)
    form = _return_form(visit, imaging, formdata=None)
    form.findings.data = [
        one.key for one in imaging.open_findings if one.severity >= Severity.LIMITING
    ]
    form.language.data = visit.case.hospital.language
    return _return_page(visit, imaging, form)


def send_return(visit: Visit) -> Response:
    """Show the letter, or send it: then the clock stops until the hospital answers."""
    imaging = _imaging(visit)
    form = _return_form(visit, imaging)
    if not form.validate():
        return _return_page(visit, imaging, form, refused=FORM_REFUSED)
    if form.step.data != "send":
        return _return_page(visit, imaging, form)
    try:
        with visit.attempt():
            sent = actions.return_to_hospital(
                visit.session,
                visit.case,
                form.findings.data or [],
                language=form.language.data,
                note=form.note.data or "",
                by=visit.actor.text,
                seen_version=form.version.data or 0,
                now=visit.now,
                given=_given(visit),
            )
    except Invalid as error:
        show_problems(form, error)
        return _return_page(visit, imaging, form, refused=error)
    telling.step(visit, Event.RECORDS_WANTED, [])
    visit.note(language=sent.language, findings=[item["id"] for item in sent.items])
    return go(
        f"/cases/{visit.case.number}#imaging",
        "The case is with the hospital and its clock stands. The hospital reads the letter on its "
        "link; copy it below if you also write to them.",
    )


def _given(visit: Visit) -> BodySize:
    return size_in_records(visit.session, visit.case, visit.now.date())


def _imaging(visit: Visit) -> CaseImaging:
    found = imaging_now(visit.session, visit.case, visit.now.date())
    if found is None:
        raise NotAssessedYet(
            "The images of this case were not assessed yet.", remedy="Wait until they are."
        )
    return found


def _return_form(visit: Visit, imaging: CaseImaging, **given: Any) -> ReturnForm:
    form = ReturnForm(**given)
    form.findings.choices = choices(
        (one.key, one.key) for one in imaging.open_findings if one.severity >= Severity.ADVICE
    )
    form.language.choices = choices(language_names().items())
    form.version.data = form.version.data or visit.case.version
    return form


def _return_page(
    visit: Visit, imaging: CaseImaging, form: ReturnForm, refused: Invalid | None = None
) -> Response:
    chosen = [imaging.finding(key) for key in form.findings.data or []]
    language = form.language.data or "en"
    on = visit.now.date()
    shown = letter.letter_of(visit.case.number, chosen, language, on, form.note.data or "")
    return page(
        visit,
        "imaging_return.html",
        refused=refused,
        case=visit.case,
        base=f"/cases/{visit.case.number}",
        form=form,
        chosen=set(form.findings.data or []),
        groups=imaging_shown.offered(imaging),
        letter=shown,
        languages=language_names(),
        protocol=imaging.assessment.protocol.id,
        holds=visit.case.state != "on_hold",
    )


def answer(visit: Visit, return_id: str) -> Response:
    """The hospital says why something cannot be sent."""
    sent = return_of_case(visit.session, visit.case.id, return_id)
    text = text_only(request.form.get("answer")) or ""
    key = request.form.get("key", "")
    actions.answer_item(visit.session, sent, key, answer=text, now=visit.now)
    visit.note(finding=key.partition(".")[0])
    return go(f"/r/{visit.launch.id}/#imaging")


# Files


def protocol_sheet(visit: Visit) -> Response:
    """The page for the scanner as PDF: of a protocol, in a language."""
    language = request.args.get("language") or visit.case.hospital.language
    words_of(language)
    protocol = protocol_named(request.args.get("protocol", "") or _protocol_of(visit))
    html = sheet_html(protocol, language, on=visit.now.date(), case_number=visit.case.number)
    content = printed(html)
    return send_file(
        BytesIO(content),
        mimetype="application/pdf",
        as_attachment="download" in request.args,
        download_name=f"{protocol.id}-{language}.pdf",
    )


def _protocol_of(visit: Visit) -> str:
    return _imaging(visit).assessment.protocol.id


def thumbnail(visit: Visit, series_id: str) -> Response:
    """The small picture of a series, where it was prepared."""
    row = series_row(visit.session, visit.case.id, series_id)
    shelf = Shelf(visit.services.settings.cache_dir)
    path = shelf.thumbnail(row.StudyInstanceUID, row.SeriesInstanceUID)
    try:
        content = path.read_bytes()
    except OSError:
        raise NoThumbnail("There is no picture of this series yet.") from None
    response = Response(content, content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


def change_language(visit: Visit, hospital_id: str) -> Response:
    """In which language a hospital is written to. Raises LanguageNotKnown."""
    registered = hospital(visit.session, hospital_id)
    language = request.form.get("language", "")
    words_of(language)
    registered.language = language
    visit.note(hospital=registered.id, language=language)
    return go(
        f"/hospitals/{registered.id}",
        f"{registered.name} is written to in {language_names()[language]}.",
    )


_CASE, _VISIT = "/cases/<number>/imaging", "/r/<launch>/imaging"
ROUTES = [
    Route(f"{_CASE}/series/<series_id>/phase", set_phase, Action.IMAGING_JUDGE, ("POST",)),
    Route(f"{_CASE}/series/<series_id>/thumbnail", thumbnail, Action.IMAGES_READ),
    Route(f"{_CASE}/waive", waive, Action.IMAGING_JUDGE, ("POST",)),
    Route(f"{_CASE}/count", let_count, Action.IMAGING_JUDGE, ("POST",)),
    Route(f"{_CASE}/assess", assess_again, Action.IMAGING_JUDGE, ("POST",)),
    Route(f"{_CASE}/return", show_return, Action.IMAGING_JUDGE),
    Route(f"{_CASE}/return", send_return, Action.IMAGING_JUDGE, ("POST",)),
    Route(f"{_CASE}/protocol.pdf", protocol_sheet, Action.CASE_READ),
    Route(f"{_VISIT}/protocol.pdf", protocol_sheet, Action.CASE_READ),
    Route(f"{_VISIT}/returns/<return_id>/answer", answer, Action.IMAGES_SEND, ("POST",)),
    Route("/hospitals/<hospital_id>/language", change_language, Action.HOSPITALS_CHANGE, ("POST",)),
]
