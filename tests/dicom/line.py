"""A line that can be cut: a relay that ends its connections after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class CutLine:
    """Relays to a port; the first connections are cut after the numbers of bytes given."""

    def __init__(self, target_port: int, cut_after_bytes: list[int]) -> None:
        self._target_port = target_port
        self._cuts = list(cut_after_bytes)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def mend(self) -> None:
        """Cut nothing any more."""
        self._cuts.clear()

    def __enter__(self) -> CutLine:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            budget = self._cuts.pop(0) if self._cuts else 1 << 60
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:  # nobody listens there just now: so it is at this end
                near.close()
                continue
            threading.Thread(target=_relay, args=(far, near, 1 << 60), daemon=True).start()
            threading.Thread(target=_relay, args=(near, far, budget), daemon=True).start()


def _relay(source: socket.socket, target: socket.socket, budget: int) -> None:
    with contextlib.suppress(OSError):
        while budget > 0 and (piece := source.recv(min(65536, budget))):
            target.sendall(piece)
            budget -= len(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
