"""docker-compose.yml held against what the code reads, since no engine runs where tests run."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.foundation.settings import PROJECT, Settings
from server.foundation.settings_table import SETTINGS
from server.processes.nginx_configuration import challenge_folder, configuration
from server.processes.programs import runs_own_orthanc
from tests.postgres import new_database, postgres_server

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("server", "worker", "migrate")
PROXY = SERVICES["proxy"]
RENEW = PROJECT / "deploy" / "renew-certificate"
DOCKERFILE = (PROJECT / "deploy" / "Dockerfile").read_text()
# The first release of the image that holds each Orthanc we accept, from its release notes.
ORTHANC_OF_IMAGE = {(26, 8, 1): (1, 13, 0), (26, 8, 2): (1, 13, 0)}


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def tag(service: str) -> str:
    image: str = SERVICES[service]["image"]
    return image.partition(":")[2]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/make-secrets makes."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([PROJECT / "deploy" / "make-secrets", folder], check=True, capture_output=True)
    return folder


def settings_of(service: str, secrets: Path) -> Settings:
    """The settings the code would read inside the container."""
    environ = {
        name: re.sub(r"\$\{SITE_DOMAIN:\?[^}]*\}", "margin.example.org", value).replace(
            "/run/secrets", str(secrets)
        )
        for name, value in SERVICES[service]["environment"].items()
    }
    return Settings.from_environ(environ)


def test_the_parts_are_all_there() -> None:
    assert set(SERVICES) == {
        *("proxy", "certificate", "server", "worker", "migrate", "orthanc", "postgres")
    }


def test_every_margin_variable_is_one_the_code_reads() -> None:
    known = {setting.environment for setting in SETTINGS}
    known |= {f"{setting.environment}_FILE" for setting in SETTINGS if setting.secret}
    for service, definition in SERVICES.items():
        ours = {name for name in definition["environment"] if name.startswith("MARGIN_")}
        assert ours <= known, service
        assert bool(ours) == (service in (*OURS, "proxy")), service


@pytest.mark.parametrize("service", OURS)
def test_the_settings_in_the_container_are_valid_and_complete(service: str, secrets: Path) -> None:
    settings = settings_of(service, secrets)
    assert settings.database_url.startswith("postgresql+psycopg://margin:")
    assert settings.database_url.endswith("@postgres/margin")
    assert len(settings.secret_key) >= 32
    assert settings.is_public_https
    assert settings.proxy_count == 1
    assert not runs_own_orthanc(settings)


def test_server_and_orthanc_mean_the_same_account_title_and_port(secrets: Path) -> None:
    settings = settings_of("server", secrets)
    orthanc = SERVICES["orthanc"]["environment"]
    users_file = orthanc["ORTHANC__REGISTERED_USERS_SECRET"]
    users = json.loads((secrets / users_file).read_text())
    assert users == {settings.orthanc_user: settings.orthanc_password}
    assert orthanc["ORTHANC__DICOM_AET"] == settings.dicom_aet
    assert int(orthanc["ORTHANC__STABLE_AGE"]) == settings.stable_age_s
    # 8042 is what the image listens on unless told otherwise.
    assert settings.orthanc_url == "http://orthanc:8042"
    assert "ORTHANC__HTTP_PORT" not in orthanc


def test_orthanc_is_pinned_to_a_release_without_the_known_holes() -> None:
    assert SERVICES["orthanc"]["image"].startswith("orthancteam/orthanc:")
    holds = ORTHANC_OF_IMAGE[version(tag("orthanc"))]
    assert holds >= (1, 13, 0)
    assert version(SERVICES["orthanc"]["labels"]["orthanc.version"]) == holds


@pytest.mark.parametrize("service", ["orthanc", "postgres"])
def test_every_foreign_image_is_pinned(service: str) -> None:
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-alpine)?", tag(service))


def test_orthanc_runs_with_the_hardened_configuration_and_an_index_in_postgresql() -> None:
    orthanc = SERVICES["orthanc"]
    assert "./orthanc/orthanc.json:/etc/orthanc/orthanc.json:ro" in orthanc["volumes"]
    script = orthanc["environment"]["ORTHANC__PYTHON_SCRIPT"]
    assert f"./orthanc/repeats.py:{script}:ro" in orthanc["volumes"]
    beside = script.replace(
        "repeats", "encoded"
    )  # It finds what it reads bytes with in its folder.
    assert f"./orthanc/encoded.py:{beside}:ro" in orthanc["volumes"]
    index = json.loads(orthanc["environment"]["ORTHANC__POSTGRESQL"])
    assert index["EnableIndex"] is True
    assert index["Host"] in SERVICES
    assert orthanc["environment"]["TCP_NODELAY"] == "1"
    # Whatever else is said here would override a line of the hardened file.
    overridden = {name for name in orthanc["environment"] if name.startswith("ORTHANC__")}
    assert overridden == {
        "ORTHANC__DICOM_AET",
        "ORTHANC__DICOM_PORT",
        "ORTHANC__POSTGRESQL",
        "ORTHANC__POSTGRESQL__PASSWORD_SECRET",
        "ORTHANC__PYTHON_SCRIPT",
        "ORTHANC__REGISTERED_USERS_SECRET",
        "ORTHANC__REMOTE_ACCESS_ALLOWED",
        "ORTHANC__STABLE_AGE",
    }


def test_only_the_proxy_and_the_dicom_port_are_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["80:8080", "443:8443"], "orthanc": ["4243:4242"]}


def test_what_holds_images_and_records_has_no_way_out() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for service in ("server", "migrate", "postgres"):
        assert SERVICES[service]["networks"] == ["inside"]
    assert SERVICES["certificate"]["networks"] == ["edge"]
    assert "inside" in SERVICES["orthanc"]["networks"]
    assert "edge" not in SERVICES["orthanc"]["networks"]


def test_mails_and_webhooks_have_a_way_out_and_a_mail_server_can_be_named() -> None:
    outward = {name for name, one in SERVICES.items() if "outward" in one["networks"]}
    assert outward == {"worker"}
    assert not (COMPOSE["networks"]["outward"] or {}).get("internal")
    for service in OURS:
        (settings,) = SERVICES[service]["env_file"]
        assert settings == {"path": "deploy/settings.env", "required": False}
        assert "MARGIN_SMTP_HOST" not in SERVICES[service]["environment"]
    assert "/deploy/settings.env" in (PROJECT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "migrate"])
def test_every_service_is_watched_and_started_again(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_services_wait_for_what_they_need() -> None:
    for service in ("server", "worker"):
        needs = SERVICES[service]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["orthanc"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert SERVICES["proxy"]["depends_on"]["server"]["condition"] == "service_healthy"


def test_the_programs_that_containers_run_exist() -> None:
    for service in (*OURS, "proxy"):
        python, option, module, *_ = SERVICES[service]["command"]
        assert (python, option) == ("python", "-m")
        as_file = PROJECT / Path(*module.split("."))
        assert as_file.with_suffix(".py").exists() or (as_file / "__main__.py").exists()


@pytest.mark.parametrize("service", [*OURS, "proxy", "certificate", "postgres"])
def test_what_can_be_is_read_only_and_gains_no_rights(service: str) -> None:
    assert SERVICES[service]["read_only"] is True
    assert "no-new-privileges:true" in SERVICES[service]["security_opt"]


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_has_roots_rights(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    # To read what is mounted, whoever checked it out.
    assert SERVICES[service].get("cap_add", []) == (
        ["DAC_OVERRIDE"] if service == "orthanc" else []
    )
    assert not SERVICES[service].get("privileged")


def test_orthancs_log_is_a_file_in_the_volume_that_the_worker_reads(secrets: Path) -> None:
    log = Path(SERVICES["orthanc"]["environment"]["LOGFILE"])
    assert f"orthanc-log:{log.parent}" in SERVICES["orthanc"]["volumes"]
    read = settings_of("worker", secrets).log_dir
    assert f"orthanc-log:{read}:ro" in SERVICES["worker"]["volumes"]
    assert log.name == "orthanc.log"  # as `server.worker` looks for it


@pytest.mark.parametrize("service", SERVICES)
def test_no_log_of_a_container_grows_without_bound(service: str) -> None:
    kept = SERVICES[service]["logging"]
    assert kept["driver"] == "json-file"
    assert kept["options"] == {"max-size": "10m", "max-file": "5"}


def test_a_database_that_is_still_being_made_does_not_count_as_well() -> None:
    # The image makes it with a server that listens on its socket only.
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]


def test_no_secret_is_written_in_the_file(secrets: Path) -> None:
    named = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert named == set(COMPOSE["secrets"])
    assert {Path(entry["file"]).name for entry in COMPOSE["secrets"].values()} == {
        path.name for path in secrets.iterdir()
    }
    for service, definition in SERVICES.items():
        for name, value in definition["environment"].items():
            if "PASSWORD" in name or "SECRET" in name:
                assert name.endswith(("_FILE", "_SECRET")), (service, name)
                assert value.removeprefix("/run/secrets/") in definition["secrets"]


def test_secrets_are_made_once_behind_a_closed_folder(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    again = subprocess.run(
        [PROJECT / "deploy" / "make-secrets", secrets], check=True, capture_output=True
    )
    assert again.stdout == b""
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    passwords = [before[name] for name in before if name.endswith(("password", "key"))]
    assert len(set(passwords)) == len(passwords) == 5


def proxy_told(name: str) -> str:
    """An argument of the proxy's command line."""
    command: list[str] = PROXY["command"]
    return next(one.partition("=")[2] for one in command if one.startswith(f"--{name}="))


def test_the_proxy_speaks_tls_and_http_2_to_the_server_that_is_there(secrets: Path) -> None:
    server, proxy = settings_of("server", secrets), settings_of("proxy", secrets)
    assert proxy_told("upstream") == f"server:{server.port}"
    assert proxy.proxy
    assert not server.proxy
    assert server.proxy_count == 1
    ports = dict(reversed(entry.split(":")) for entry in PROXY["ports"])
    assert ports == {str(proxy.port): "443", proxy_told("redirect-port"): "80"}
    written = configuration(proxy, proxy_told("upstream"), int(proxy_told("redirect-port")))
    assert f"listen 0.0.0.0:{proxy.port} ssl http2;" in written
    assert f"server server:{server.port};" in written
    assert f"client_max_body_size {server.maximum_upload_mb}m;" in written
    assert proxy.public_url == server.public_url


def test_the_proxy_reads_what_the_worker_prepares_and_nothing_else(secrets: Path) -> None:
    prepared = {settings_of(service, secrets).cache_dir for service in (*OURS, "proxy")}
    assert len(prepared) == 1
    folder = prepared.pop()
    for service in OURS:
        assert f"prepared:{folder}" in SERVICES[service]["volumes"]
    home = settings_of("proxy", secrets).home
    assert PROXY["volumes"] == [f"proxy-home:{home}", f"prepared:{folder}:ro"]
    assert f'alias "{folder}/"' in configuration(settings_of("proxy", secrets))


def test_the_certificate_is_put_where_the_proxy_looks_for_it(secrets: Path, tmp_path: Path) -> None:
    proxy = settings_of("proxy", secrets)
    certificate = SERVICES["certificate"]
    assert certificate["environment"]["PROXY_HOME"] == str(proxy.home)
    assert certificate["volumes"] == [f"proxy-home:{proxy.home}"]
    assert certificate["command"] == [str(RENEW.relative_to(PROJECT))]
    assert str(proxy.tls_certificate) in certificate["healthcheck"]["test"]
    new = tmp_path / "new"
    new.mkdir()
    (new / "fullchain.pem").write_text("chain")
    (new / "privkey.pem").write_text("key")
    renew(tmp_path, RENEWED_LINEAGE=str(new))
    certificate_file, key_file = (
        tmp_path / path.relative_to(proxy.home) for path in (proxy.tls_certificate, proxy.tls_key)
    )
    assert (certificate_file.read_text(), key_file.read_text()) == ("chain", "key")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_the_certificate_is_asked_for_where_the_proxy_answers(
    secrets: Path, tmp_path: Path
) -> None:
    # certbot is in the image only; here it tells how it was called.
    stand_in = tmp_path / "certbot"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    asked = renew(
        tmp_path, "--once", PATH=f"{tmp_path}:/usr/bin:/bin", CERTIFICATE_EMAIL="a@b.example"
    )
    proxy = settings_of("proxy", secrets)
    webroot = tmp_path / challenge_folder(proxy).relative_to(proxy.home)
    assert f"--webroot --webroot-path {webroot} --domain margin.example.org" in asked
    assert f"--deploy-hook {RENEW}" in asked
    assert "--email a@b.example" in asked


def test_the_certificates_container_stops_at_once(tmp_path: Path) -> None:
    stand_in = tmp_path / "certbot"
    stand_in.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    stand_in.chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "PROXY_HOME": str(tmp_path),
        "SITE_DOMAIN": "margin.example.org",
    }
    with subprocess.Popen([RENEW], env=environ) as renewing:
        while not (tmp_path / "asked").exists():
            assert renewing.poll() is None
        renewing.send_signal(signal.SIGTERM)
        # By itself, and not by the signal: as the first process of a container it would not feel that.
        assert renewing.wait(timeout=10) == 0


def renew(home: Path, *arguments: str, **more: str) -> str:
    environ = {
        **os.environ,
        "PROXY_HOME": str(home),
        "SITE_DOMAIN": "margin.example.org",
        **more,
    }
    done = subprocess.run(
        [RENEW, *arguments], env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_the_image_holds_what_the_server_needs_and_runs_as_nobody_special(secrets: Path) -> None:
    settings = settings_of("server", secrets)
    assert "--require-hashes --requirement deploy/requirements.lock" in DOCKERFILE
    assert "USER margin" in DOCKERFILE
    assert f"VOLUME {settings.home} {settings.cache_dir}\n" in DOCKERFILE
    assert f"EXPOSE {settings.port}\n" in DOCKERFILE
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    assert {SERVICES[service]["build"]["target"] for service in (*OURS, "proxy")} <= stages
    assert SERVICES["certificate"]["image"] == PROXY["image"]
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    kept = (PROJECT / ".dockerignore").read_text().splitlines()
    for path in copied:
        assert (PROJECT / path).exists()
        assert f"!{path}" in kept


def test_the_image_installs_the_versions_the_tests_run_with() -> None:
    pin = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)
    tested = dict(pin.findall((PROJECT / "requirements.lock").read_text()))
    shipped = dict(pin.findall((PROJECT / "deploy" / "requirements.lock").read_text()))
    assert shipped.items() <= tested.items()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[<>=~!]", line)[0].lower() for line in project["dependencies"]}
    assert needed <= set(shipped), "run `make lock`"
    assert not {"pytest", "playwright", "ruff"} & set(shipped)


def test_each_account_gets_a_database_that_the_other_cannot_open(
    secrets: Path, tmp_path: Path
) -> None:
    script = (PROJECT / "deploy" / "postgres" / "databases.sh").read_text()
    with postgres_server() as url:
        new_database(url, "elsewhere")
        folder = url.partition("host=")[2]
        local = script.replace("/run/secrets", str(secrets)).replace(
            "--username=postgres", f"--username=margin --host={folder} --dbname=postgres"
        )
        # The test server's first account already has the name of one of the two.
        local = local.replace("for name in margin orthanc", "for name in reader orthanc")
        (secrets / "reader_database_password").write_text("x" * 20)
        try:
            done = subprocess.run(
                ["sh", "-c", local], capture_output=True, text=True, cwd=tmp_path, check=False
            )
        finally:
            (secrets / "reader_database_password").unlink()
        assert done.returncode == 0, done.stderr
        refused = subprocess.run(
            ["psql", f"--host={folder}", "--username=reader", "--dbname=orthanc", "--command=\\q"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "permission denied for database" in refused.stderr
