"""Every setting of Margin, declared once: its name, kind, default and what it is for."""

from __future__ import annotations

from server.foundation.settings_kinds import (
    AE_TITLE,
    DATABASE,
    FILE,
    FOLDER,
    HOST,
    PORT,
    SECONDS,
    SECRET,
    TEXT,
    TIME_ZONE,
    WEB_ADDRESS,
    YES_NO,
    Kind,
    Setting,
    count,
    one_of,
)
from server.foundation.settings_mail import MAIL_SETTINGS

SETTINGS: tuple[Setting, ...] = (
    Setting("home", FOLDER, "var", "Everything Margin keeps lies under this folder."),
    Setting("host", HOST, "127.0.0.1", "Address the web server listens on."),
    Setting("port", PORT, "8600", "Port of the web server."),
    Setting("dicom_port", PORT, "4243", "Port hospitals send to by DICOM C-STORE."),
    Setting(
        "orthanc_port",
        PORT,
        "{port_plus_1}",
        "Port of Orthanc's HTTP, which answers this machine only.",
    ),
    Setting(
        "proxy",
        YES_NO,
        "false",
        "Whether `margin up` puts nginx in front of the web server, for TLS and HTTP/2.",
    ),
    Setting(
        "tls_certificate",
        FILE,
        "{home}/tls/certificate.pem",
        "Certificate of that proxy with its chain (PEM); one is made in the home when none is there.",
    ),
    Setting("tls_key", FILE, "{home}/tls/key.pem", "The private key of that certificate (PEM)."),
    Setting(
        "public_url",
        WEB_ADDRESS,
        "{scheme}://{host}:{port}",
        "Address people reach Margin under; it stands in every link that is handed out.",
    ),
    Setting(
        "proxy_count",
        count(0, 5),
        "{own_proxies}",
        "How many reverse proxies stand in front; that many X-Forwarded-* entries are believed.",
    ),
    Setting(
        "database_url",
        DATABASE,
        "sqlite:///{home}/margin.db",
        "Where the records are kept: an SQLite file or a PostgreSQL database.",
        secret=True,
    ),
    Setting(
        "files_dir", FOLDER, "{home}/files", "Folder of stored documents, named by their SHA-256."
    ),
    Setting(
        "cache_dir",
        FOLDER,
        "{home}/cache",
        "Folder of what was prepared for viewing; may be emptied at any time, it is made again.",
    ),
    Setting(
        "cache_mb",
        count(100, 100_000_000),
        "20480",
        "How large that folder may become in MB; what was longest unused goes first.",
    ),
    Setting(
        "orthanc_url", WEB_ADDRESS, "http://127.0.0.1:{orthanc_port}", "Address of Orthanc's HTTP."
    ),
    Setting("orthanc_user", TEXT, "margin", "The one user Orthanc knows: this server."),
    Setting(
        "orthanc_password",
        SECRET,
        "",
        "That user's password; when not given, made once and kept in the home's secrets.json.",
        secret=True,
    ),
    Setting(
        "orthanc_timeout_s", SECONDS, "30", "How long one request to Orthanc may wait for bytes."
    ),
    Setting("dicom_aet", AE_TITLE, "MARGIN", "The AE title hospitals send to."),
    Setting(
        "dicom_check_host",
        YES_NO,
        "false",
        "Also hold a sending hospital to its registered address, not only to its AE title.",
    ),
    Setting(
        "dicom_deflated",
        YES_NO,
        "true",
        "Whether deflated images are taken by DICOM; unpacked, they may cost gigabytes of memory.",
    ),
    Setting(
        "dicom_tls_certificate",
        FILE,
        "",
        "Certificate of the DICOM port with its chain (PEM); with it, DICOM goes by TLS only.",
    ),
    Setting("dicom_tls_key", FILE, "", "The private key of that certificate (PEM)."),
    Setting(
        "dicom_tls_ca",
        FILE,
        "",
        "Authorities (PEM) one of which must have signed a hospital's certificate; without it none "
        "is asked for.",
    ),
    Setting(
        "refused_keep_days",
        count(1, 3650),
        "30",
        "How long a study that was refused is kept before somebody may have it deleted.",
    ),
    Setting(
        "stable_age_s",
        count(1, 3600),
        "5",
        "How long a study must be quiet before Orthanc calls it stable.",
    ),
    Setting(
        "secret_key",
        SECRET,
        "",
        "Key that signs cookies; when not given, made once and kept in the home's secrets.json.",
        secret=True,
    ),
    Setting(
        "seal_key",
        FILE,
        "{home}/seal/seal.pem",
        "Key that seals every opinion's PDF, PEM or PKCS#12; one is made in the home when none is there.",
    ),
    Setting(
        "seal_cert",
        FILE,
        "",
        "Certificate of that key with its chain (PEM), where it is not in the key's file.",
    ),
    Setting("seal_password", TEXT, "", "Password of that key's file.", secret=True),
    Setting("web_workers", count(1, 64), "1", "How many processes answer web requests."),
    Setting(
        "web_threads",
        count(1, 256),
        "24",
        "How many threads of each of those processes answer pages; twice as many more take uploads.",
    ),
    Setting("viewer_dir", FOLDER, "{project}/build/viewer", "Folder of the installed viewer."),
    Setting(
        "sample_ct",
        FOLDER,
        "{project}/../shared/data/ct-liver-3slice",
        "Folder of a real CT that the demo pushes too; nothing is pushed when it is missing.",
    ),
    Setting("maximum_upload_mb", count(1, 1_000_000), "4096", "Largest request body taken, in MB."),
    Setting(
        "upload_file_mb",
        count(1, 10_000_000),
        "20480",
        "Largest single file that the upload page takes, in MB, in as many pieces as it needs.",
    ),
    Setting(
        "upload_case_mb",
        count(1, 100_000_000),
        "102400",
        "How much may be uploaded to one case in all, in MB; what zip files hold counts unpacked.",
    ),
    Setting(
        "upload_reserve_mb",
        count(0, 100_000_000),
        "2048",
        "How much room on the disk uploads leave free, in MB; none is taken beyond that.",
    ),
    Setting(
        "upload_keep_days",
        count(1, 365),
        "7",
        "How long a half uploaded file waits for its rest before it is deleted.",
    ),
    Setting(
        "notices_keep_days",
        count(90, 36_500),
        "365",
        "How long a notice is kept that reached everybody; what still waits for somebody stays.",
    ),
    Setting(
        "jobs_keep_days",
        count(7, 36_500),
        "90",
        "How long a finished piece of work is listed; what was given up stays until it is done.",
    ),
    Setting(
        "time_zone",
        TIME_ZONE,
        "UTC",
        "The zone in whose days deadlines are counted, from the IANA data base (`Europe/Berlin`).",
    ),
    Setting(
        "closed_days",
        FILE,
        "",
        "File of days on which the service is closed though the country works (docs/clocks.md).",
    ),
    Setting("link_valid_days", count(1, 365), "14", "How long an access link works unless said."),
    Setting(
        "launch_valid_hours", count(1, 72), "8", "How long an opened viewer works without a link."
    ),
    Setting(
        "api_requests_per_minute",
        count(1, 1_000_000),
        "600",
        "How many requests a minute one key may make; counted over all web processes of a machine.",
    ),
    Setting(
        "log_level",
        Kind("debug, info, warning or error", one_of("debug", "info", "warning", "error")),
        "info",
        "How much is written to the logs.",
    ),
    *MAIL_SETTINGS,
)
