"""What happens to a case in the week: each story goes on until it says when it will be continued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from server.annotations.organs import ORGANS
from tests.week.town import Told, Town

EXAMPLES = ORGANS["pancreas"].examples()
RESECTABLE = EXAMPLES["head-resectable"]
NOT_HERE = EXAMPLES["uncinate-locally-advanced"]
LATER = EXAMPLES["head-borderline-sma"]
Story = Iterator[timedelta]
H = timedelta(hours=1)


def come_in(town: Town, hospital: str, tier: str, made: list[Told]) -> Story:
    """From opening to complete records; the case is put into `made`."""
    told = town.open(hospital, tier)
    made.append(told)
    yield 2 * H
    town.images(told)
    yield 3 * H
    town.step(told, "records_complete")
    yield H


def single(town: Town, hospital: str, tier: str, who: str, after: timedelta = 20 * H) -> Story:
    """One surgeon, assigned without asking, signs; the coordinator closes the case."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield after
    town.save(told, who, RESECTABLE)
    yield 2 * H
    assert town.sign(told, who, "resectable_now").status_code == 200
    yield 3 * H
    town.step(told, "close")


def offered(town: Town, hospital: str, tier: str, first: str, second: str, third: str) -> Story:
    """Offered to three: one declines, one accepts, and the third is too late."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.offer(told, first, second, third)
    yield 2 * H
    town.decline(told, first)
    yield H
    town.accept(told, second)
    assert town.refused(third, f"/cases/{told.number}/offer/accept") == 409
    yield 24 * H
    town.save(told, second, LATER)
    assert town.sign(told, second, "conversion_then_reassess").status_code == 200


def lapsed(town: Town, hospital: str, tier: str, nobody: str, other: str) -> Story:
    """Nobody answers in time; the coordinator assigns somebody else."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.offer(told, nobody, hours=24)
    yield 26 * H
    assert town.state(told.number) == "ready"
    assert town.refused(nobody, f"/cases/{told.number}/offer/accept") == 409
    town.assign(told, other)
    yield 20 * H
    town.save(told, other, RESECTABLE)
    assert town.sign(told, other, "resectable_now").status_code == 200


def given_back(town: Town, hospital: str, tier: str, ill: str, other: str) -> Story:
    """A surgeon falls ill with a draft begun; taken back and asked again, the draft is there."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, ill)
    yield 5 * H
    town.save(told, ill, LATER)
    yield 5 * H
    town.decline(told, ill, "I am ill.")
    assert town.state(told.number) == "ready"
    yield 5 * H
    town.assign(told, other)
    yield 20 * H
    town.save(told, other, RESECTABLE)
    town.step(told, "surgeon_withdrawn")
    refused = town.sign(told, other, "resectable_now")
    assert refused.status_code in (403, 409), refused.text
    yield H
    town.assign(told, ill)
    kept = town.panel_json(told, ill).get_json()["annotation"]["answers"]
    assert kept == LATER
    yield 10 * H
    assert town.sign(told, ill, "conversion_then_reassess").status_code == 200


def agreed(town: Town, hospital: str, tier: str, members: str, chair: str) -> Story:
    """Three vote the same; the chair concludes; a vote after it is refused."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.convene(told, members, chair)
    for who in members.split():
        yield 7 * H
        town.vote(told, who, RESECTABLE)
    yield 5 * H
    town.conclude(told, chair)
    late = town.sign(told, members.split()[-1], "resectable_now")
    assert late.status_code == 409, late.text


def disagreed(
    town: Town, hospital: str, tier: str, members: str, chair: str, standby: str
) -> Story:
    """Three differ, two more are called by offer, the majority decides, who dissents is printed."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.convene(told, members, chair, standby, ask=True)
    yield 2 * H
    for who in (*members.split(), chair):
        town.accept(told, who)
    for who, answers in zip(members.split(), (RESECTABLE, NOT_HERE, LATER), strict=True):
        yield 5 * H
        town.vote(told, who, answers)
    yield 4 * H
    for who in standby.split():
        town.accept(told, who)
        yield 6 * H
        town.vote(told, who, RESECTABLE)
    yield 3 * H
    town.conclude(told, chair)
    said = town.opinion(told).panel
    assert said is not None
    assert {one.name for one in said.dissent} == {f"Dr {one}" for one in members.split()[1:]}


def short_of_members(
    town: Town, hospital: str, tier: str, members: str, chair: str, others: str
) -> Story:
    """Three differ and nobody is on standby: the coordinator asks whom routing proposes, by one click."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.convene(told, members, chair)
    for who, answers in zip(members.split(), (RESECTABLE, NOT_HERE, LATER), strict=True):
        yield 4 * H
        town.vote(told, who, answers)
    yield 2 * H
    for who in others.split():
        town.send(
            told.coordinator,
            f"/cases/{told.number}/assignment/seat",
            version=town.version(told.number),
            person_id=town.people[who],
        )
        yield 2 * H
        town.accept(told, who)
        town.vote(told, who, NOT_HERE)
    yield 2 * H
    town.conclude(told, chair)


def replaced(town: Town, hospital: str, tier: str, members: str, chair: str, standby: str) -> Story:
    """A member declines and another lets the offer lapse: standby is asked for both seats."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.convene(told, members, chair, standby, ask=True)
    first, second, third = members.split()
    yield 3 * H
    town.decline(told, first)
    town.accept(told, second)
    town.accept(told, chair)
    next_one, last = standby.split()
    yield 10 * H
    town.accept(told, next_one)
    yield 15 * H
    town.accept(told, last)
    seated = [second, next_one, last]
    assert town.refused(third, f"/cases/{told.number}/offer/accept") == 409
    for who in seated:
        yield 3 * H
        town.vote(told, who, NOT_HERE)
    assert town.refused(seated[0], f"/cases/{told.number}/offer/decline", reason="Late.") == 409
    yield 2 * H
    town.conclude(told, chair)


def more_imaging(town: Town, hospital: str, tier: str, who: str, waited: timedelta) -> Story:
    """The surgeon asks for more images: the clock stands still until they are there."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 10 * H
    town.save(told, who, LATER)
    town.ask_for_imaging(told, who)
    assert town.state(told.number) == "on_hold"
    yield waited
    town.images(told)
    yield 2 * H
    town.step(told, "resume")
    assert town.state(told.number) == "in_review"
    yield 20 * H
    assert town.sign(told, who, "conversion_then_reassess").status_code == 200


def records_wanted(town: Town, hospital: str, tier: str, who: str, waited: timedelta) -> Story:
    """More records are wanted before and after somebody has the case."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.step(told, "records_wanted")
    yield waited
    town.step(told, "records_complete")
    yield 3 * H
    town.assign(told, who)
    yield 5 * H
    town.step(told, "records_wanted")
    yield waited
    town.step(told, "records_complete")
    assert town.state(told.number) == "assigned"
    yield 9 * H
    town.save(told, who, RESECTABLE)
    assert town.sign(told, who, "resectable_now").status_code == 200


def amended(town: Town, hospital: str, tier: str, who: str) -> Story:
    """Signed, then amended and signed again."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 9 * H
    town.save(told, who, RESECTABLE)
    assert town.sign(told, who, "resectable_now").status_code == 200
    yield 26 * H
    town.amend(told, who)
    changed = deepcopy(RESECTABLE)
    changed["limits"] = "Read again: the pancreatic phase has motion."
    town.save(told, who, changed)
    assert town.sign(told, who, "resectable_now").status_code == 200


def overdue(town: Town, hospital: str, tier: str, who: str) -> Story:
    """Somebody has the case and does nothing until it is late."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 24 * 8 * H
    town.save(told, who, RESECTABLE)
    assert town.sign(told, who, "resectable_now").status_code == 200


def forgotten(town: Town, hospital: str, tier: str) -> Story:
    """Ready, and nobody chooses a surgeon."""
    yield from come_in(town, hospital, tier, [])


def silent(town: Town, hospital: str, tier: str) -> Story:
    """Opened, and nothing comes."""
    town.open(hospital, tier)
    yield H


def withdrawn(town: Town, hospital: str, tier: str, who: str) -> Story:
    """Withdrawn while somebody has it: what they sign then is refused, and stays."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 6 * H
    town.save(told, who, RESECTABLE)
    yield H
    town.step(told, "withdraw")
    assert town.sign(told, who, "resectable_now").status_code in (403, 404, 409)


def promised_anew(town: Town, hospital: str, tier: str, other_tier: str, who: str) -> Story:
    """The tier changes while the case is held over the holiday."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 4 * H
    moment = town.now
    town.step(told, "hold", waits_for="patient")
    assert told.pauses[-1][0] == moment
    yield 20 * H
    town.send(
        told.coordinator,
        f"/cases/{told.number}/clock",
        version=town.version(told.number),
        tier=other_tier,
        calendar="",
        reason="The patient wants to speak with the surgeon.",
    )
    told.tier = other_tier
    yield 70 * H
    town.step(told, "resume")
    yield 20 * H
    town.save(told, who, RESECTABLE)
    assert town.sign(told, who, "resectable_now").status_code == 200


def reassessed(town: Town, hospital: str, tier: str, who: str, other: str, on: date) -> Story:
    """An opinion, a plan, new images: the second round has a clock of its own."""
    made: list[Told] = []
    yield from come_in(town, hospital, tier, made)
    (told,) = made
    town.assign(told, who)
    yield 5 * H
    town.save(told, who, LATER)
    assert town.sign(told, who, "conversion_then_reassess").status_code == 200
    yield 6 * H
    town.send(
        told.coordinator,
        f"/cases/{told.number}/afterwards/plan",
        version=str(town.version(told.number)),
        how="day",
        due_on=on.isoformat(),
        remind=["coordinator"],
        remind_days="2",
    )
    assert town.state(told.number) == "reassessment"
    yield 72 * H
    town.images(told)
    told.complete_at, told.done_at, told.pauses = None, None, []
    assert town.state(told.number) == "awaiting_records"
    yield 4 * H
    town.step(told, "records_complete")
    yield 3 * H
    town.assign(told, other)
    yield 20 * H
    town.save(told, other, RESECTABLE)
    assert town.sign(told, other, "resectable_now").status_code == 200


def of_the_week() -> list[tuple[int, Callable[[Town], Story]]]:
    """Every story, with the hour of the week in which it begins."""

    def of(
        begin: int, story: Callable[..., Story], *given: Any
    ) -> tuple[int, Callable[[Town], Story]]:
        return begin, lambda town: story(town, *given)

    return [
        of(0, single, "Nordheim", "report", "Anna"),
        of(1, single, "Riverside", "video", "Bela", 60 * H),
        of(1, single, "Amstel", "in_person", "Chen"),
        of(2, single, "Hillcrest", "video", "Dina", 90 * H),
        of(2, single, "Huaxi", "report", "Emil"),
        of(3, single, "Najd", "video", "Fumi", 100 * H),
        of(26, single, "Nordheim", "video", "Gita", 110 * H),
        of(28, single, "Riverside", "report", "Hugo"),
        of(50, single, "Najd", "in_person", "Ines"),
        of(75, single, "Huaxi", "video", "Jomo", 40 * H),
        of(3, offered, "Nordheim", "video", "Anna", "Bela", "Chen"),
        of(27, offered, "Hillcrest", "report", "Dina", "Emil", "Fumi"),
        of(72, offered, "Riverside", "report", "Gita", "Hugo", "Ines"),
        of(4, lapsed, "Amstel", "video", "Jomo", "Anna"),
        of(52, lapsed, "Najd", "report", "Bela", "Chen"),
        of(2, given_back, "Riverside", "video", "Dina", "Emil"),
        of(30, given_back, "Huaxi", "in_person", "Fumi", "Gita"),
        of(0, agreed, "Nordheim", "report", "Anna Bela Chen", "Dina"),
        of(25, agreed, "Najd", "video", "Emil Fumi Gita", "Hugo"),
        of(1, disagreed, "Amstel", "video", "Ines Jomo Anna", "Bela", "Chen Dina"),
        of(29, disagreed, "Hillcrest", "report", "Emil Fumi Gita", "Hugo", "Ines Jomo"),
        of(51, disagreed, "Riverside", "video", "Bela Chen Dina", "Anna", "Emil Fumi"),
        of(2, short_of_members, "Huaxi", "report", "Gita Hugo Ines", "Jomo", "Anna Bela"),
        of(48, short_of_members, "Nordheim", "video", "Chen Dina Emil", "Fumi", "Gita Hugo"),
        of(5, replaced, "Riverside", "report", "Ines Jomo Anna", "Bela", "Chen Dina"),
        of(30, replaced, "Najd", "video", "Emil Fumi Gita", "Hugo", "Ines Jomo"),
        of(1, more_imaging, "Nordheim", "report", "Anna", 30 * H),
        of(4, more_imaging, "Riverside", "video", "Bela", 96 * H),
        of(28, more_imaging, "Najd", "video", "Chen", 74 * H),
        of(2, records_wanted, "Amstel", "video", "Dina", 30 * H),
        of(6, records_wanted, "Huaxi", "in_person", "Emil", 5 * H),
        of(3, amended, "Hillcrest", "report", "Fumi"),
        of(27, amended, "Nordheim", "video", "Gita"),
        of(0, overdue, "Nordheim", "report", "Hugo"),
        of(1, overdue, "Huaxi", "in_person", "Ines"),
        of(4, overdue, "Najd", "video", "Jomo"),
        of(0, forgotten, "Riverside", "report"),
        of(1, forgotten, "Hillcrest", "video"),
        of(0, silent, "Amstel", "report"),
        of(3, withdrawn, "Najd", "report", "Anna"),
        of(26, withdrawn, "Amstel", "video", "Bela"),
        of(2, promised_anew, "Riverside", "report", "video", "Chen"),
        of(4, promised_anew, "Hillcrest", "video", "in_person", "Dina"),
        of(1, reassessed, "Nordheim", "report", "Emil", "Fumi", date(2026, 12, 26)),
        of(25, reassessed, "Huaxi", "video", "Gita", "Hugo", date(2026, 12, 27)),
    ]
