"""Our words to supervisor: its configuration file, and what it says about the programs."""

from __future__ import annotations

import os
import shlex
import sys
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from supervisor.states import ProcessStates, getProcessStateDescription
from supervisor.xmlrpc import SupervisorTransport

from server.foundation.settings import Settings
from server.processes.orthanc_configuration import write_private
from server.processes.programs import Program

LOG_MB = 10
LOG_FILES = 5
# Below this a start counts as failed; supervisor then waits a little longer each time.
START_S = 2
START_TRIES = 5


@dataclass(frozen=True)
class ProgramState:
    """What supervisor says of one program. `state` is one of its names: RUNNING, FATAL ..."""

    name: str
    state: str
    pid: int
    running_s: int
    log: Path

    @property
    def runs(self) -> bool:
        return self.state == "RUNNING"

    @property
    def stumbled(self) -> bool:
        """It ended and is, or will be, started again."""
        return self.gave_up or self.state in ("BACKOFF", "EXITED")

    @property
    def gave_up(self) -> bool:
        return self.state in ("FATAL", "UNKNOWN")


def configuration_text(settings: Settings, programs: Iterable[Program]) -> str:
    """supervisord.conf. Holds no secret: the programs inherit the environment of supervisord."""
    log = _escaped(settings.log_dir)
    sections = [
        "[unix_http_server]",
        # Relative, because the path of a Unix socket may have 107 bytes only; see `start_command`.
        "file=supervisor.sock",
        "chmod=0700",
        "[supervisord]",
        f"logfile={log}/supervisord.log",
        f"logfile_maxbytes={LOG_MB}MB",
        f"logfile_backups={LOG_FILES}",
        "pidfile=supervisord.pid",
        "nodaemon=true",
        "silent=true",
        "umask=077",
        f"childlogdir={log}",
        # Without this line supervisor warns about root, which the operator chose.
        *(["user=root"] if os.geteuid() == 0 else []),
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        "serverurl=unix://%(here)s/supervisor.sock",
    ]
    for order, program in enumerate(programs, start=1):
        sections += _program_section(settings, program, order)
    return "\n".join(sections) + "\n"


def _program_section(settings: Settings, program: Program, order: int) -> list[str]:
    # setpriv: should supervisord itself be killed, its programs end in good order too.
    command = ("setpriv", "--pdeathsig", "TERM", "--", *program.command)
    environment = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
    return [
        f"[program:{program.name}]",
        f"command={_escaped(shlex.join(command))}",
        f"directory={_escaped(settings.home)}",
        f"environment={_escaped(environment)}",
        f"priority={order * 10}",
        "numprocs=1",
        "autorestart=true",
        f"startsecs={START_S}",
        f"startretries={START_TRIES}",
        "stopsignal=TERM",
        f"stopwaitsecs={program.stop_wait_s}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_escaped(settings.log_dir)}/{program.name}.log",
        f"stdout_logfile_maxbytes={LOG_MB}MB",
        f"stdout_logfile_backups={LOG_FILES}",
    ]


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")


def write_configuration(settings: Settings, programs: Iterable[Program]) -> Path:
    path = settings.run_dir / "supervisord.conf"
    write_private(path, configuration_text(settings, programs))
    return path


def start_command() -> tuple[str, ...]:
    """To be run in HOME/run. It ends in good order when whoever started it is no more."""
    supervisord = (sys.executable, "-m", "server.processes.supervisord", "-c", "supervisord.conf")
    return ("setpriv", "--pdeathsig", "TERM", "--", *supervisord)


class Supervisor:
    """The control socket of one home. Raises OSError when no supervisor listens there."""

    def __init__(self, settings: Settings) -> None:
        self._socket = settings.run_dir / "supervisor.sock"

    def states(self) -> list[ProgramState]:
        """Every program, by name."""
        rows: Any = self._call("getAllProcessInfo")
        return [
            ProgramState(
                name=row["name"],
                state=getProcessStateDescription(row["state"]),
                pid=row["pid"],
                running_s=row["now"] - row["start"] if row["state"] == ProcessStates.RUNNING else 0,
                log=Path(row["logfile"]),
            )
            for row in rows
        ]

    def start(self, name: str) -> None:
        self._call("startProcess", name, False)

    def stop(self, name: str, *, wait: bool) -> None:
        self._call("stopProcess", name, wait)

    def pid(self) -> int:
        pid: Any = self._call("getPID")
        return int(pid)

    def _call(self, method: str, *arguments: object) -> object:
        # Through the folder's descriptor the path is short however deep the home lies.
        folder = os.open(self._socket.parent, os.O_RDONLY | os.O_DIRECTORY)
        address = f"unix:///proc/self/fd/{folder}/{self._socket.name}"
        transport = SupervisorTransport(None, None, address)
        try:
            server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            return getattr(server.supervisor, method)(*arguments)
        except (xmlrpc.client.Error, HTTPException) as reason:
            raise ConnectionError(f"supervisor answered {reason}") from reason
        finally:
            transport.close()
            os.close(folder)
