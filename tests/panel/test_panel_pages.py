"""The pages of assignment and of the panel, used as a browser uses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from server.notices.records import Delivery, Notice
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.panel.lapsing import lapse_offers_of
from tests.panel.conftest import Open
from tests.panel.panel_world import LATER, MEMBERS, NOT_HERE, RESECTABLE, PanelWorld, convene, vote
from tests.web.conftest import Browser, signed_in

__all__ = ["signed_in"]
SignIn = Callable[[str], Browser]
JSON = {"X-Margin-Panel": "1"}


def version_of(made: PanelWorld) -> int:
    with made.db.reading() as session:
        return made.case(session).version


def test_a_coordinator_offers_a_case_and_the_first_to_accept_has_it(
    served: PanelWorld, signed_in: SignIn
) -> None:
    clara, mara, nils = signed_in("Clara"), signed_in("Mara"), signed_in("Nils")
    at = f"/cases/{served.number}"
    clara.get(f"{at}/assignment")
    clara.post(f"{at}/advance", version=version_of(served), event="surgeon_withdrawn", reason="")
    asked = clara.post(
        f"{at}/assignment/offer",
        version=version_of(served),
        person_id=served.ids(["Mara", "Nils"]),
        answer_hours="24",
    )
    assert "Offered to" in asked.text
    assert "You are asked" in mara.get("/worklist").text
    assert mara.get(at).status_code == 403
    assert "Accept the case" in mara.get(f"{at}/offer").text
    nils.get(f"{at}/offer")
    assert nils.post(f"{at}/offer/accept").status_code == 200
    late = mara.post(f"{at}/offer/accept")
    assert late.status_code == 409
    assert "Somebody else was faster" in late.text
    assert served.number in nils.get("/worklist").text


def test_an_offer_is_declined_by_link_only_with_a_reason(
    served: PanelWorld, app: Flask, by_link: Open, today: datetime
) -> None:
    convene(served, today, ask=True)
    client, base = by_link("Olga")
    browser = Browser(client)
    assert "accept or decline" in browser.get(f"{base}/").text
    browser.get(f"{base}/offer")
    assert browser.post(f"{base}/offer/decline", reason=" ").status_code == 422
    assert "You have declined" in browser.post(f"{base}/offer/decline", reason="On leave.").text
    with served.db.reading() as session:
        states = {one.person.name: one.state for one in served.case(session).assignments}
    assert (states["Olga"], states["Pia"]) == ("declined", "offered")


def test_whoever_has_not_accepted_cannot_sign_and_keeps_the_draft(
    served: PanelWorld, by_link: Open, today: datetime
) -> None:
    convene(served, today, ask=True)
    client, base = by_link("Mara")
    saved = client.put(
        f"{base}/api/annotation", json={"answers": RESECTABLE, "version": 0}, headers=JSON
    )
    assert saved.status_code == 200
    refused = client.post(
        f"{base}/api/sign", json={"version": 1, "verdict": "resectable_now"}, headers=JSON
    )
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "not_asked")
    panel = client.get(f"{base}/api/panel").get_json()
    assert panel["annotation"]["answers"] == RESECTABLE
    assert panel["case"]["state"] == "ready"


def test_a_coordinator_convenes_a_panel_on_the_page(served: PanelWorld, signed_in: SignIn) -> None:
    clara, at = signed_in("Clara"), f"/cases/{served.number}"
    assert "A panel" in clara.get(f"{at}/assignment").text
    seats = {f"seat-{served.people[one].id}": "member" for one in MEMBERS}
    seats[f"seat-{served.people['Carl'].id}"] = "chair"
    seats[f"seat-{served.people['Pia'].id}"] = "standby"
    sent = {"version": version_of(served), "rule": "majority-3-then-5", "answer_hours": "48"}
    short = clara.post(f"{at}/assignment/panel", **{**sent, **dict(list(seats.items())[1:])})
    assert short.status_code == 422
    assert "begins with 3 votes, not 2" in short.text
    made = clara.post(f"{at}/assignment/panel", **sent, **seats)
    assert "The panel is convened" in made.text
    assert "0 of 3 votes are in" in made.text
    with served.db.reading() as session:
        assert served.panel(session).standby_ids == served.ids(["Pia"])
    assert clara.post(f"{at}/advance", version=1, event="surgeon_withdrawn").status_code == 409


def test_an_observer_looks_and_neither_saves_nor_signs_nor_draws(
    served: PanelWorld, signed_in: SignIn, by_link: Open
) -> None:
    clara, at = signed_in("Clara"), f"/cases/{served.number}"
    clara.get(f"{at}/assignment")
    clara.post(
        f"{at}/assignment/observer", version=version_of(served), person_id=served.people["Quin"].id
    )
    client, base = by_link("Quin")
    assert client.get(f"{base}/api/panel").get_json()["me"]["may"] == ["view"]
    body = {"answers": {}, "version": 0}
    for method, path, sent in (
        ("PUT", "annotation", body),
        ("POST", "sign", {"version": 0, "verdict": "x"}),
        ("POST", "resections", {}),
    ):
        answer = client.open(f"{base}/api/{path}", method=method, json=sent, headers=JSON)
        assert answer.status_code == 403, path
    quin = signed_in("Quin")
    assert "You look on" in quin.get("/worklist").text
    assert quin.get(at).status_code == 200


def test_the_whole_way_of_a_panel_ends_in_an_opinion_that_names_votes_and_dissent(
    served: PanelWorld, by_link: Open, signed_in: SignIn, today: datetime
) -> None:
    convene(served, today)
    vote(served, "Mara", RESECTABLE, today)
    vote(served, "Nils", NOT_HERE, today)
    carl, at = signed_in("Carl"), f"/cases/{served.number}"
    assert "You are the chair" in carl.get(f"{at}/panel").text
    assert "Your conclusion" not in carl.get(f"{at}/panel").text
    olga, base = by_link("Olga")
    olga.put(f"{base}/api/annotation", json={"answers": RESECTABLE, "version": 0}, headers=JSON)
    signed = olga.post(
        f"{base}/api/sign", json={"version": 1, "verdict": "resectable_now"}, headers=JSON
    )
    assert signed.status_code == 200, signed.text
    shown = carl.get(f"{at}/panel").text
    assert "Your conclusion" in shown
    with served.db.reading() as session:
        assert session.query(IssuedOpinion).count() == 0
    carl.post(f"{at}/panel/messages", message="I would follow the majority.")
    assert "I would follow the majority." in olga.get(f"{base}/panel").text
    from_form = client_form(shown)
    assert carl.post(f"{at}/panel/conclusion", **from_form, text="").status_code == 422
    done = carl.post(f"{at}/panel/conclusion", **from_form, text="Operate within four weeks.")
    assert "The conclusion is signed" in done.text
    with served.db.reading() as session:
        issued = session.query(IssuedOpinion).one()
        assert issued.revision_id == served.panel(session).revision_id
        opinion = from_stored(issued.content)
    assert opinion.signer.name == "Carl"
    part = opinion.panel
    assert part is not None
    assert {one.name for one in part.members} == {*MEMBERS, "Carl"}
    assert [one.name for one in part.dissent] == ["Nils"]
    assert part.majority == "Resectable now"
    assert part.conclusion == "Operate within four weeks."
    again = olga.post(f"{base}/api/amendment", json={"reason": "I was wrong"}, headers=JSON)
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "votes_stand")


def client_form(page: str) -> dict[str, str]:
    """The hidden fields of the conclusion's form."""
    form = page.split('panel/conclusion"', 1)[1].split("</form>", 1)[0]
    fields = [piece.split('"', 1)[0] for piece in form.split('name="')[1:]]
    values = {
        name: form.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]
        for name in fields
        if f'name="{name}" value="' in form
    }
    return {name: values[name] for name in ("version", "verdict")}


@pytest.mark.parametrize("who", ["viewer", "hospital", "Pia"])
def test_whoever_has_no_part_in_the_panel_does_not_see_its_page(
    served: PanelWorld, by_link: Open, today: datetime, who: str
) -> None:
    convene(served, today)
    client, base = by_link(who)
    assert client.get(f"{base}/panel").status_code == 403


def test_a_surgeon_from_whom_a_case_was_taken_is_told_so_and_not_that_it_never_was(
    served: PanelWorld, signed_in: SignIn, today: datetime
) -> None:
    lena = signed_in("Lena")
    assert lena.get(f"/cases/{served.number}").status_code == 200
    convene(served, today)
    assert lena.get(f"/cases/{served.number}").status_code == 403
    assert signed_in("Otto").get(f"/cases/{served.number}").status_code == 404


def test_whoever_is_taken_off_a_case_opens_it_by_no_link_any_more(
    served: PanelWorld, signed_in: SignIn, by_link: Open, today: datetime
) -> None:
    convene(served, today)
    mara, base = by_link("Mara")
    nils, at_nils = by_link("Nils")
    assert mara.get(f"{base}/api/panel").status_code == 200
    with served.db.reading() as session:
        (part,) = (one for one in served.case(session).assignments if one.person.name == "Mara")
    clara = signed_in("Clara")
    clara.get(f"/cases/{served.number}/assignment")
    gone = clara.post(
        f"/cases/{served.number}/assignment/parts/{part.id}/release",
        version=version_of(served),
        reason="Knows the patient.",
    )
    assert "Mara is off the case; what they entered is kept. Their link to it is withdrawn." in (
        gone.text
    )
    assert mara.get(f"{base}/api/panel").status_code == 401
    assert mara.post("/open", json={"token": served.tokens["Mara"]}).status_code == 401
    assert nils.get(f"{at_nils}/api/panel").status_code == 200, "the others keep theirs"


def test_offers_that_lapsed_leave_a_line_in_the_trail(
    served: PanelWorld, signed_in: SignIn, today: datetime
) -> None:
    convene(served, today, ask=True)
    with served.db.writing() as session:
        case = served.case(session)
        due = max(one.answer_by for one in case.assignments if one.answer_by)
        lapse_offers_of(session, case.id, due)
    assert (
        "an offer lapsed without an answer"
        in signed_in("Clara").get(f"/cases/{served.number}").text
    )


def test_the_worklist_says_how_far_a_panel_is_and_never_what_was_voted(
    served: PanelWorld, signed_in: SignIn, today: datetime
) -> None:
    convene(served, today, standby=())
    clara = signed_in("Clara")
    assert "0 of 3 votes in" in clara.get("/worklist").text
    vote(served, "Mara", RESECTABLE, today)
    vote(served, "Nils", NOT_HERE, today)
    shown = clara.get("/worklist").text
    assert "2 of 3 votes in" in shown
    assert "chair Carl" in shown
    assert "Resectable" not in shown
    vote(served, "Olga", LATER, today)
    shown = clara.get("/worklist").text
    assert f'href="/cases/{served.number}/assignment">3 of 5 votes in, nobody for 2 seats' in shown


def test_where_nobody_is_on_standby_routing_proposes_and_one_click_asks_them(
    served: PanelWorld, signed_in: SignIn, today: datetime
) -> None:
    convene(served, today, standby=())
    for name, answers in zip(MEMBERS, (RESECTABLE, NOT_HERE, LATER), strict=True):
        vote(served, name, answers, today)
    clara, at = signed_in("Clara"), f"/cases/{served.number}"
    assert "Find somebody" in clara.get(at).text
    shown = clara.get(f"{at}/assignment").text
    assert "2 seats are free and nobody is on standby" in shown
    form = shown.split("Routing puts first", 1)[1].split("</form>", 1)[0]
    proposed = re.findall(r'name="person_id" value="([^"]+)"', form)
    assert len(proposed) == 2
    assert not {*served.ids([*MEMBERS, "Carl"])} & {*proposed}
    sent = {"version": version_of(served), "person_id": proposed}
    too_many = [*proposed, *served.ids(["Quin", "Pia"]), served.world.surgeon.id]
    assert clara.post(f"{at}/assignment/seat", **{**sent, "person_id": too_many}).status_code == 422
    asked = clara.post(f"{at}/assignment/seat", **sent)
    assert "are asked" in asked.text
    with served.db.reading() as session:
        offered = {
            one.person_id for one in served.case(session).assignments if one.state == "offered"
        }
        told = set(
            session.scalars(
                select(Delivery.person_id)
                .join(Notice)
                .where(Notice.kind == "assignment.offered", Delivery.channel == "page")
            )
        )
    assert offered == set(proposed)
    assert offered <= told
    assert "2 seats are free" not in clara.get(f"{at}/assignment").text


def said_in_a_banner(page: str) -> str:
    """What a page says of the panel, without its markup."""
    found = re.search(r'<p class="banner" role="status">(.*?)</p>', page, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found.group(1))) if found else ""


@pytest.mark.parametrize(
    ("who", "chair_votes", "says", "on_the_panels_page"),
    [
        ("Carl", False, "You are the chair: you conclude", "You conclude when all votes are in"),
        ("Carl", True, "Sign to give your vote", "Your vote is not in yet"),
        ("Mara", False, "Sign to give your vote", "Your vote is not in yet"),
    ],
    ids=["a chair that does not vote", "a chair that votes", "a member"],
)
def test_everybody_on_a_panel_is_told_their_own_next_step(
    served: PanelWorld,
    by_link: Open,
    today: datetime,
    who: str,
    chair_votes: bool,
    says: str,
    on_the_panels_page: str,
) -> None:
    convene(served, today, chair_votes=chair_votes, members=MEMBERS[: 2 if chair_votes else 3])
    client, base = by_link(who)
    assert says in said_in_a_banner(client.get(f"{base}/").text)
    panel = client.get(f"{base}/panel").text
    assert on_the_panels_page in panel
    assert ("Your vote is not in yet" in panel) == (who != "Carl" or chair_votes)
