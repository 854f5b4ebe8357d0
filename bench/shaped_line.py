"""A poor line of our own making: a TCP proxy with a rate and a round trip, in user space.

python -m bench.shaped_line --to 127.0.0.1:8080 --port 8081 [--mbit 20] [--round-trip-ms 150]
                            [--slow-start]

All connections share one rate in each direction, as they do on a surgeon's line, in turns of a few
packets. A new connection waits one round trip before its first byte goes out, for that is what its
handshake costs; after that every byte takes half a round trip each way. With `--slow-start` a
connection begins with ten segments under way and doubles that per round trip (RFC 6928, RFC 5681), as
a real one does that is not yet warm. Nothing is lost and nothing is reordered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import click

SEGMENT_BYTES = 1460
TURN_BYTES = 4 * SEGMENT_BYTES
FIRST_WINDOW_BYTES = 10 * SEGMENT_BYTES  # RFC 6928
HELD_BYTES = 128 * 1024  # per connection and direction, until the sender has to wait


@dataclass(frozen=True)
class Shape:
    """A line: rate in each direction in Mbit/s, time there and back in ms."""

    mbit_per_s: float = 20.0
    round_trip_ms: float = 150.0
    slow_start: bool = False

    @property
    def bytes_per_s(self) -> float:
        return self.mbit_per_s * 1e6 / 8

    @property
    def one_way_s(self) -> float:
        return self.round_trip_ms / 2000


@dataclass(eq=False)
class Flow:
    """One direction of one connection: what it still has to send, and what is under way."""

    out: asyncio.StreamWriter
    window_bytes: float
    ready_at: float
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    under_way_bytes: int = 0
    ended: bool = False
    arrives_at: float = 0.0
    room: asyncio.Event = field(default_factory=asyncio.Event)


class Direction:
    """All flows of one direction: one sends at a time, the others wait for their turn."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._flows: deque[Flow] = deque()
        self._work = asyncio.Event()
        self.sent_bytes = 0

    def flow(self, out: asyncio.StreamWriter) -> Flow:
        loop = asyncio.get_running_loop()
        window = FIRST_WINDOW_BYTES if self._shape.slow_start else float("inf")
        flow = Flow(out, window, loop.time() + 2 * self._shape.one_way_s)
        flow.room.set()
        return flow

    async def put(self, flow: Flow, data: bytes) -> None:
        """Add bytes to a flow; waits while it already holds enough."""
        for start in range(0, len(data), TURN_BYTES):
            flow.waiting.append(data[start : start + TURN_BYTES])
        flow.waiting_bytes += len(data)
        self._enlist(flow)
        if flow.waiting_bytes > HELD_BYTES:
            flow.room.clear()
            await flow.room.wait()

    def end(self, flow: Flow) -> None:
        """Nothing more comes: closed when what is held has gone out."""
        flow.ended = True
        self._enlist(flow)

    def _enlist(self, flow: Flow) -> None:
        if flow not in self._flows:
            self._flows.append(flow)
        self._work.set()

    async def run(self) -> None:
        """Send in turns, for ever."""
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        while True:
            flow = self._next(loop.time())
            if flow is None:
                self._work.clear()
                # A flow may be waiting for its handshake or for its window, not for more bytes.
                limit = 0.005 if self._flows else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), limit)
                free_at = max(free_at, loop.time())
                continue
            if flow.waiting:
                piece = flow.waiting.popleft()
                free_at = max(free_at, loop.time() - 0.05) + len(piece) / self._shape.bytes_per_s
                self._send(flow, piece, max(0.0, free_at - loop.time()))
            if flow.waiting or flow.ended:
                self._flows.append(flow)
            if flow.ended and not flow.waiting:
                self._flows.remove(flow)
                closes_at = max(free_at, loop.time()) + self._shape.one_way_s
                loop.call_at(max(closes_at, flow.arrives_at + 1e-6), _close, flow.out)
            if free_at > loop.time() + 0.001:
                await asyncio.sleep(free_at - loop.time())

    def _next(self, now: float) -> Flow | None:
        for _ in range(len(self._flows)):
            flow = self._flows.popleft()
            may_send = now >= flow.ready_at and flow.under_way_bytes < flow.window_bytes
            if may_send or (flow.ended and not flow.waiting):
                return flow
            self._flows.append(flow)
        return None

    def _send(self, flow: Flow, piece: bytes, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.sent_bytes += len(piece)
        flow.waiting_bytes -= len(piece)
        flow.under_way_bytes += len(piece)
        if flow.waiting_bytes <= HELD_BYTES:
            flow.room.set()
        # Two timers of nearly the same moment may fire in either order: bytes must not.
        flow.arrives_at = max(loop.time() + wait_s + self._shape.one_way_s, flow.arrives_at + 1e-6)
        loop.call_at(flow.arrives_at, _write, flow.out, piece)
        loop.call_later(wait_s + 2 * self._shape.one_way_s, self._acknowledged, flow, len(piece))

    def _acknowledged(self, flow: Flow, size: int) -> None:
        flow.under_way_bytes -= size
        flow.window_bytes += size
        self._work.set()


def _write(out: asyncio.StreamWriter, piece: bytes) -> None:
    if not out.is_closing():
        out.write(piece)


def _close(out: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        out.close()


@dataclass
class ShapedLine:
    """Where the line begins, and what has gone over it."""

    port: int
    up: Direction
    down: Direction


@contextlib.asynccontextmanager
async def shaped_line(
    to_host: str, to_port: int, shape: Shape, port: int = 0
) -> AsyncIterator[ShapedLine]:
    """A line from `127.0.0.1:port` (0 = any free one) to a server, for as long as the block runs."""
    up, down = Direction(shape), Direction(shape)
    connections: set[asyncio.Task[None]] = set()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(to_host, to_port)
        except OSError:
            writer.close()
            return
        finally:
            connections.discard(task)
        connections.add(task)
        await asyncio.gather(
            _carry(reader, up, up.flow(far_writer)), _carry(far_reader, down, down.flow(writer))
        )
        connections.discard(task)

    server = await asyncio.start_server(join, "127.0.0.1", port)
    pacers = [asyncio.create_task(direction.run()) for direction in (up, down)]
    try:
        yield ShapedLine(server.sockets[0].getsockname()[1], up, down)
    finally:
        server.close()
        for task in (*pacers, *connections):
            task.cancel()
        await asyncio.gather(*pacers, *connections, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, direction: Direction, flow: Flow) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            await direction.put(flow, data)
    direction.end(flow)


async def _stay(host: str, to_port: int, shape: Shape, port: int) -> None:
    async with shaped_line(host, to_port, shape, port) as line:
        kind = ", with slow start" if shape.slow_start else ""
        click.echo(
            f"http://127.0.0.1:{line.port} leads to {host}:{to_port} at {shape.mbit_per_s:g} Mbit/s "
            f"and {shape.round_trip_ms:g} ms there and back{kind}. Ctrl-C ends it."
        )
        await asyncio.Event().wait()


@click.command()
@click.option("--to", required=True, help="The server, as HOST:PORT.")
@click.option("--port", default=0, help="Where to listen on 127.0.0.1; 0 is any free port.")
@click.option("--mbit", default=20.0, show_default=True, help="Mbit/s in each direction.")
@click.option("--round-trip-ms", default=150.0, show_default=True)
@click.option("--slow-start", is_flag=True, help="Connections begin slowly, as real ones do.")
def main(to: str, port: int, mbit: float, round_trip_ms: float, slow_start: bool) -> None:
    """A slow line to a server on this machine."""
    host, _, to_port = to.rpartition(":")
    shape = Shape(mbit, round_trip_ms, slow_start)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_stay(host or "127.0.0.1", int(to_port), shape, port))


if __name__ == "__main__":
    main()
