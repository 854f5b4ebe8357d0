"""Centres and surgeons of the demo world, different enough that a ranking has something to say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.demo import cast
from server.demo.cast import DemoPerson
from server.dossier import requests
from server.people import actions as people
from server.people.queries import hospitals, person_of_email
from server.people.records import Person
from server.routing import actions
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.queries import centre_named
from server.routing.values import Volume

DEMO = "demo"
REGISTER: Final = "department register"

NORTHERN: Final = CentreSaid(
    name="Northern Liver Centre",
    country="SE",
    time_zone="Europe/Stockholm",
    kinds=("hpb_high_volume", "hcc_high_volume"),
    languages=("sv", "en"),
    capabilities=(
        "alpps",
        "portal_vein_embolisation",
        "liver_venous_deprivation",
        "two_stage_hepatectomy",
        "transplantation",
        "venous_reconstruction",
        "hepatic_vein_reconstruction",
        "ivc_reconstruction",
        "ablation",
        "intraoperative_ultrasound",
        "planning_3d",
        "hepatology",
        "vascular_surgery",
        "tumour_board",
    ),
    volumes=(Volume("hepatectomy", 2025, 540, "annual report"),),
)
PANCREAS: Final = CentreSaid(
    name="Pancreas Institute",
    country="IT",
    time_zone="Europe/Rome",
    kinds=("pancreatic", "hpb_oncology"),
    languages=("it", "en"),
    capabilities=(
        "venous_reconstruction",
        "arterial_resection",
        "modified_appleby",
        "iort",
        "robotic_surgery",
        "portal_vein_embolisation",
        "vascular_surgery",
        "nutrition",
        "tumour_board",
    ),
    volumes=(
        Volume("pancreatoduodenectomy", 2025, 310, "annual report"),
        Volume("hepatectomy", 2025, 120, "annual report"),
    ),
)
RIVERSIDE_UNIT: Final = CentreSaid(
    name="Riverside HPB Unit",
    country="GB",
    time_zone="Europe/London",
    languages=("en",),
    capabilities=("portal_vein_embolisation", "ablation", "intensive_care"),
    volumes=(Volume("hepatectomy", 2025, 45, "annual report"),),
)

NILS: Final = DemoPerson("Prof Nils Nordin", "nils@margin.example", "surgeon")
INES: Final = DemoPerson("Dr Ines Iturbe", "ines@margin.example", "surgeon")
RHYS: Final = DemoPerson("Dr Rhys Rowlands", "rhys@margin.example", "surgeon")

PROFILES: Final = (
    (
        cast.LIVER_SURGEON,
        NORTHERN,
        ProfileSaid(
            organs=("liver", "perihilar"),
            subspecialties=("hpb",),
            capabilities=(
                "alpps",
                "portal_vein_embolisation",
                "two_stage_hepatectomy",
                "hepatic_vein_reconstruction",
                "biliary_reconstruction",
                "ablation",
            ),
            languages=("sv", "en", "de"),
            most_cases=4,
            volumes=(
                Volume("hepatectomy", 2025, 118, REGISTER),
                Volume("hepatectomy", 2024, 104, REGISTER),
                Volume("major_hepatectomy", 2025, 52, REGISTER),
            ),
        ),
    ),
    (
        cast.PANCREAS_SURGEON,
        PANCREAS,
        ProfileSaid(
            organs=("pancreas",),
            subspecialties=("hpb",),
            capabilities=(
                "venous_reconstruction",
                "arterial_resection",
                "modified_appleby",
                "iort",
            ),
            languages=("it", "en"),
            most_cases=3,
            volumes=(Volume("pancreatoduodenectomy", 2025, 94, REGISTER),),
        ),
    ),
    (
        cast.OUTSIDER_SURGEON,
        None,
        ProfileSaid(
            organs=("lung",),
            subspecialties=("thoracic",),
            capabilities=("sleeve_resection", "thoracoscopic_resection"),
            languages=("de",),
            countries=("DE", "AT", "CH"),
            time_zone="Europe/Berlin",
            volumes=(Volume("lung_resection", 2025, 160, "own log"),),
        ),
    ),
    (
        NILS,
        NORTHERN,
        ProfileSaid(
            organs=("liver",),
            subspecialties=("hpb", "transplantation"),
            capabilities=(
                "transplantation",
                "ivc_reconstruction",
                "hepatic_vein_reconstruction",
                "liver_venous_deprivation",
            ),
            languages=("sv", "en"),
            most_cases=2,
            volumes=(Volume("hepatectomy", 2021, 70, REGISTER),),
        ),
    ),
    (
        INES,
        PANCREAS,
        ProfileSaid(
            organs=("liver", "pancreas", "perihilar"),
            subspecialties=("hpb",),
            capabilities=("venous_reconstruction", "robotic_surgery", "two_stage_hepatectomy"),
            languages=("es", "it", "en"),
            most_cases=5,
            volumes=(
                Volume("hepatectomy", 2025, 41, "own log"),
                Volume("pancreatoduodenectomy", 2025, 38, "own log"),
            ),
        ),
    ),
    (
        RHYS,
        RIVERSIDE_UNIT,
        ProfileSaid(
            organs=("liver",),
            subspecialties=("hpb",),
            capabilities=("ablation", "portal_vein_embolisation"),
            languages=("en",),
            volumes=(Volume("hepatectomy", 2025, 30, REGISTER),),
        ),
    ),
)


def fill_routing(session: Session, waiting: Case, now: datetime) -> bool:
    """Make the centres and profiles, and say whether that was done: a second time it is not."""
    if centre_named(session, NORTHERN.name) is not None:
        return False
    by_name = {one.name: one for one in hospitals(session)}
    riverside = by_name[cast.RIVERSIDE.name]
    centres = {
        said.name: actions.keep_centre(session, None, said, by=DEMO, now=now)
        for said in (NORTHERN, PANCREAS)
    }
    theirs = CentreSaid(**{**vars(RIVERSIDE_UNIT), "hospitals": ((riverside.id, "part_of"),)})
    centres[theirs.name] = actions.keep_centre(session, None, theirs, by=DEMO, now=now)
    for demo, at, said in PROFILES:
        profile = ProfileSaid(**{**vars(said), "centre_id": centres[at.name].id if at else ""})
        actions.keep_profile(session, _person(session, demo, now), profile, by=DEMO, now=now)
    soon = now.date() + timedelta(days=2)
    actions.add_absence(
        session,
        _person(session, INES, now),
        from_on=soon,
        until_on=soon + timedelta(days=2),
        why="congress",
        by=DEMO,
        now=now,
    )
    actions.add_conflict(
        session,
        person_id=_person(session, cast.OUTSIDER_SURGEON, now).id,
        against=f"hospital:{riverside.id}",
        why="worked there until 2025",
        by=DEMO,
        now=now,
    )
    _calls(session, waiting, now)
    return True


def _calls(session: Session, waiting: Case, now: datetime) -> None:
    """The waiting case: who gave the first verdict, and what it calls for."""
    asked = requests.Asked(
        cancer="liver-hcc", reasons=("unresectable",), first_centre=RIVERSIDE_UNIT.name
    )
    requests.describe_request(session, waiting, asked, by=DEMO, now=now)
    actions.decide_need(
        session,
        waiting,
        kind="capability",
        code="hepatic_vein_reconstruction",
        wanted=True,
        reason="the lesion lies at the confluence of the hepatic veins",
        by=DEMO,
        now=now,
    )


def _person(session: Session, demo: DemoPerson, now: datetime) -> Person:
    """The person of that address, made known if need be: these surgeons come in by links."""
    return person_of_email(session, demo.email) or people.add_person(
        session, name=demo.name, email=demo.email, role=demo.role, now=now
    )
