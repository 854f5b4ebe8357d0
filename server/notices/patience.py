"""How long one try may take in all, however slowly the other side goes on answering.

A timeout of a connection is for each read: whoever sends a byte now and then would hold up every other
mail for hours.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError within the block once it takes longer than so many seconds.

    By the process's alarm, which interrupts what waits for the network. Only a main thread has one, as
    the processes that deliver do; elsewhere the timeouts of each read have to be enough.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"it took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
