"""Settings: one table feeds defaults, validation, help and docs."""

from __future__ import annotations

import json
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest

from server.foundation.settings import (
    PROJECT,
    Settings,
    SettingsInvalid,
    unknown_names,
    with_home_secrets,
)
from server.foundation.settings_table import SETTINGS


def refused(**environ: str) -> str:
    with pytest.raises(SettingsInvalid) as refusal:
        Settings.from_environ(environ)
    assert refusal.value.remedy
    return refusal.value.detail


def test_every_line_of_the_table_is_a_field_in_the_same_order() -> None:
    assert [setting.field for setting in SETTINGS] == [item.name for item in fields(Settings)]


def test_every_sentence_ends_like_one() -> None:
    assert all(setting.sentence.endswith(".") for setting in SETTINGS)


def test_defaults_that_derive_from_others_follow_them(tmp_path: Path) -> None:
    settings = Settings.from_environ({"MARGIN_HOME": str(tmp_path), "MARGIN_PORT": "9000"})
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.orthanc_port == 9001
    assert settings.orthanc_url == "http://127.0.0.1:9001"
    assert settings.database_url == f"sqlite:///{tmp_path}/margin.db"
    assert settings.files_dir == tmp_path / "files"


def test_two_homes_with_two_port_sets_share_no_address(tmp_path: Path) -> None:
    one = Settings.from_environ({"MARGIN_HOME": str(tmp_path / "one")})
    two = Settings.from_environ(
        {
            "MARGIN_HOME": str(tmp_path / "two"),
            "MARGIN_PORT": "8700",
            "MARGIN_DICOM_PORT": "4343",
        }
    )
    assert not {one.port, one.orthanc_port, one.dicom_port} & {
        two.port,
        two.orthanc_port,
        two.dicom_port,
    }
    assert one.database_url != two.database_url


def test_the_default_ports_leave_debians_own_orthanc_alone() -> None:
    settings = Settings.from_environ({})
    assert not {settings.port, settings.orthanc_port, settings.dicom_port} & {8042, 4242}


def test_settings_survive_the_way_through_a_childs_environment() -> None:
    settings = Settings.from_environ(
        {"MARGIN_HOME": "relative/folder", "MARGIN_DICOM_CHECK_HOST": "yes"}
    )
    assert settings.home.is_absolute()
    assert Settings.from_environ(settings.to_environ()) == settings


def test_an_empty_variable_means_the_default() -> None:
    assert Settings.from_environ({"MARGIN_PORT": " "}) == Settings.from_environ({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MARGIN_PORT", "eighty"),
        ("MARGIN_PORT", "0"),
        ("MARGIN_PORT", "65536"),
        ("MARGIN_HOST", "example.org/path"),
        ("MARGIN_PUBLIC_URL", "margin.example.org"),
        ("MARGIN_PUBLIC_URL", "ftp://margin.example.org"),
        ("MARGIN_DICOM_AET", "A TITLE THAT IS TOO LONG"),
        ("MARGIN_DICOM_AET", "BACK\\SLASH"),
        ("MARGIN_DICOM_CHECK_HOST", "perhaps"),
        ("MARGIN_ORTHANC_TIMEOUT_S", "-1"),
        ("MARGIN_WEB_THREADS", "2.5"),
        ("MARGIN_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_a_reason(name: str, value: str) -> None:
    told = refused(**{name: value})
    assert name in told
    assert repr(value) in told
    assert "must be" in told


def test_all_bad_values_are_told_at_once() -> None:
    told = refused(MARGIN_PORT="x", MARGIN_LOG_LEVEL="loud")
    assert "MARGIN_PORT" in told
    assert "MARGIN_LOG_LEVEL" in told


def test_a_port_given_twice_is_refused() -> None:
    told = refused(MARGIN_PORT="9000", MARGIN_DICOM_PORT="9001")
    assert told == "MARGIN_ORTHANC_PORT=9001 is already taken by MARGIN_DICOM_PORT"


def test_postgresql_in_every_spelling_means_the_installed_driver() -> None:
    for spelling in ("postgres", "postgresql", "postgresql+psycopg"):
        settings = Settings.from_environ({"MARGIN_DATABASE_URL": f"{spelling}://u:p@h/margin"})
        assert settings.database_url == "postgresql+psycopg://u:p@h/margin"


def test_another_database_is_refused_without_showing_its_password() -> None:
    told = refused(MARGIN_DATABASE_URL="mysql://u:topsecret@h/margin")
    assert "MARGIN_DATABASE_URL" in told
    assert "topsecret" not in told


def test_an_sqlite_file_must_be_named_from_the_root() -> None:
    assert "sqlite:////PATH" in refused(MARGIN_DATABASE_URL="sqlite:///margin.db")


def test_a_short_secret_is_refused_without_being_shown() -> None:
    told = refused(MARGIN_SECRET_KEY="hunter2")
    assert "16 characters" in told
    assert "hunter2" not in told


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32 + "\n")
    named = {"MARGIN_SECRET_KEY_FILE": str(tmp_path / "key")}
    assert Settings.from_environ(named).secret_key == "k" * 32
    assert "both" in refused(MARGIN_SECRET_KEY="k" * 32, **named)
    assert "cannot be read" in refused(MARGIN_SECRET_KEY_FILE=str(tmp_path / "absent"))


def test_a_secret_never_shows_in_a_printed_settings(tmp_path: Path) -> None:
    settings = with_home_secrets(Settings.from_environ({"MARGIN_HOME": str(tmp_path)}))
    assert settings.secret_key not in repr(settings)
    assert settings.orthanc_password not in repr(settings)


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    settings = Settings.from_environ({"MARGIN_HOME": str(tmp_path / "home")})
    first = with_home_secrets(settings)
    assert len(first.secret_key) >= 43
    assert first.secret_key != first.orthanc_password
    assert with_home_secrets(settings) == first
    mode = (tmp_path / "home" / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_given_secret_wins_and_is_not_written_down(tmp_path: Path) -> None:
    given = replace(
        Settings.from_environ({"MARGIN_HOME": str(tmp_path)}), orthanc_password="p" * 20
    )
    assert with_home_secrets(given).orthanc_password == "p" * 20
    assert "p" * 20 not in (tmp_path / "secrets.json").read_text()


def test_a_damaged_file_of_secrets_is_named(tmp_path: Path) -> None:
    settings = Settings.from_environ({"MARGIN_HOME": str(tmp_path)})
    for content in ("not json", json.dumps({"secret_key": ""}), json.dumps([])):
        (tmp_path / "secrets.json").write_text(content)
        with pytest.raises(SettingsInvalid, match=r"secrets\.json"):
            with_home_secrets(settings)


def test_a_misspelt_variable_is_noticed() -> None:
    strangers = unknown_names({"MARGIN_PROT": "1", "MARGIN_SECRET_KEY_FILE": "x", "HOME": "/"})
    assert strangers == {"MARGIN_PROT": "MARGIN_PORT"}


def test_an_address_that_means_every_interface_is_not_handed_out_in_links() -> None:
    assert Settings.from_environ({"MARGIN_HOST": "0.0.0.0"}).public_url == "http://127.0.0.1:8600"
    assert Settings.from_environ({"MARGIN_HOST": "::1"}).public_url == "http://[::1]:8600"


def test_the_document_of_settings_says_what_the_table_says() -> None:
    text = (PROJECT / "docs" / "settings.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `MARGIN_")]
    expected = [
        f"| `{setting.environment}` | {setting.kind.name} "
        f"| {f'`{setting.default}`' if setting.default else ''} | {setting.sentence} |"
        for setting in SETTINGS
    ]
    assert rows == expected
