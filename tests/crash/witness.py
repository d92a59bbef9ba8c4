"""Witness: a vendor that outlives the processes that are killed, and remembers what it took from which."""

import asyncio
import contextlib
import dataclasses
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from tests.crash.plan import Answer, Plan
from tests.crash.points import Kill, Point
from tests.support.sockets import HOST, reset_on_close

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BODY_MAXIMUM = 4 * 2**20
PATIENCE = 10.0
"""How long anything of this is waited for, in seconds."""


@dataclasses.dataclass
class Meeting:
    """A request with messages, and what became of it.

    Args:
        run: In which run of the command it came.
        ids: The messages.
        answer: What became of them.
        told: Whether the answer was written before the connection was gone.
    """

    run: int
    ids: tuple[str, ...]
    answer: Answer
    told: bool = False

    def leaves_doubt(self, tracking_id: str) -> bool:
        """Return whether who reads the answer cannot know whether a message was taken."""
        if self.answer is Answer.HALF:
            return tracking_id not in self.named
        return self.answer.leaves_doubt

    @property
    def named(self) -> Sequence[str]:
        """The messages that the answer says were taken."""
        return self.ids[: len(self.ids) // 2] if self.answer is Answer.HALF else self.ids


def vendor_id(tracking_id: str) -> str:
    """Return the witness's own id of a message."""
    return f"v-{tracking_id}"


class Witness:
    """A vendor in a thread of its own, entered with `with`.

    Args:
        plan: What it answers; None to take everything at once.
        hold: Whether answers wait for `let_go`.

    Attributes:
        meetings: Every request with messages, in their order.
        taken: How often each message was taken.
        asked: How often each message was asked after, by the witness's own id of it.
        run: Which run of the command requests are counted to.
        refusals: For how many moments nobody listened.
        failures: What went wrong in the witness itself.
        met: Is set by the first request with messages of a run.
    """

    def __init__(self, plan: Plan | None = None, *, hold: bool = False) -> None:
        self.meetings: list[Meeting] = []
        self.taken: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.run = 0
        self.refusals = 0
        self.failures: list[str] = []
        self.met = threading.Event()
        self._plan = plan
        self._kill: tuple[Kill, Callable[[], None]] | None = None
        self._turns_deaf = False
        self._count: Counter[Point] = Counter()
        self._open: set[_Connection] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._gate = asyncio.Event()
        self._over = asyncio.Event()
        if not hold:
            self._gate.set()
        # It holds the port and listens to nobody: while the other does not either, connections are refused.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._work, name="witness", daemon=True)

    @property
    def is_deaf(self) -> bool:
        """Whether connections are refused at the moment."""
        return self._server is None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the witness did not come up"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE)
        self._holder.close()

    # -- for who kills -----------------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Count what comes now to the next run."""
        self.run += 1
        self.met.clear()
        self._count.clear()

    def turn_deaf(self) -> None:
        """Refuse connections for a moment, when the next messages have come."""
        self._turns_deaf = True

    def arm(self, kill: Kill, act: Callable[[], None]) -> None:
        """Kill the process of this run at a point that the witness sees."""
        self._kill = (kill, act)

    def disarm(self) -> None:
        """Kill nobody."""
        self._kill = None

    def let_go(self) -> None:
        """Let the answers out that were held."""
        self._loop.call_soon_threadsafe(self._gate.set)

    def await_silence(self) -> None:
        """Wait until nothing of a process that ended is left to be read."""
        asyncio.run_coroutine_threadsafe(self._silence(), self._loop).result(PATIENCE)

    async def _silence(self) -> None:
        turns = 3  # a connection may be waiting to be accepted
        while turns or self._open:
            turns = max(turns - 1, 0)
            await asyncio.sleep(0.002)

    # -- in the thread -----------------------------------------------------------------------------------

    def _work(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop.set_exception_handler(lambda _, context: self.failures.append(repr(context)))
        await self._listen()
        self._ready.set()
        await self._over.wait()
        for connection in tuple(self._open):
            connection.cut()
        if self._server is not None:
            self._server.close()

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(lambda: _Connection(self), sock=_bound(self.port))

    async def _be_deaf(self) -> None:
        if self._server is None:
            return
        self.refusals += 1
        server, self._server = self._server, None
        server.close()
        # Whoever is answered now has to connect again. Nothing is cut: a request might be on its way that
        # nobody would know of.
        await asyncio.sleep(0.1)
        await self._listen()

    def entered(self, connection: "_Connection") -> None:
        """Note that somebody has come."""
        self._open.add(connection)

    def left(self, connection: "_Connection") -> None:
        """Note that somebody has gone."""
        self._open.discard(connection)

    def tell_status(self, connection: "_Connection", target: str) -> None:
        """Answer a request for the status of a message."""
        whose = target.split()[1].rpartition("/")[2]
        self.asked[whose] += 1
        connection.answer(200, {"messageId": whose, "deliverystatus": "delivered", "cost": 0.04})

    async def take(self, connection: "_Connection", ids: tuple[str, ...]) -> None:
        """Do what is to be done with messages."""
        answer, delay = (Answer.TAKEN, 0.0) if self._plan is None else self._plan.meet(ids)
        meeting = Meeting(self.run, ids, answer)
        self.meetings.append(meeting)
        if answer.takes:
            self.taken.update(ids)
        self.met.set()
        self._count[Point.WIRE] += 1
        if self._is_time(Point.WIRE):
            return
        if self._turns_deaf:
            self._turns_deaf = False
            await self._be_deaf()
        await asyncio.sleep(delay)
        await self._gate.wait()
        if not connection.is_open:
            return
        meeting.told = True
        _tell(connection, meeting)
        self._count[Point.ANSWER] += 1
        self._is_time(Point.ANSWER)

    def _is_time(self, point: Point) -> bool:
        """Kill the process if it is to be killed here, and return whether that was so."""
        if self._kill is None:
            return False
        kill, act = self._kill
        if kill.point is not point or self._count[point] != kill.count:
            return False
        if kill.delay:
            self._loop.call_later(kill.delay, act)
        else:
            act()
        return True


def _tell(connection: "_Connection", meeting: Meeting) -> None:
    match meeting.answer:
        case Answer.TAKEN | Answer.HALF:
            connection.answer(200, [{"messageId": vendor_id(one), "trackinId": one} for one in meeting.named])
        case Answer.BUSY:
            connection.answer(429, {"error": "slow down"}, "Retry-After: 0\r\n")
        case Answer.REFUSED:
            connection.answer(400, {"error": {"code": "INVALID_PHONE", "message": "no such number"}})
        case Answer.FAILED_BEFORE | Answer.FAILED_AFTER:
            connection.answer(500, {"error": "something broke"})
        case Answer.CUT_BEFORE | Answer.CUT_AFTER:
            connection.cut()


class _Connection(asyncio.Protocol):
    """A connection, which carries one request after the other."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._transport: asyncio.Transport | None = None
        self._got = bytearray()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._task is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._witness.entered(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._witness.left(self)

    def data_received(self, data: bytes) -> None:
        self._got += data
        self._read()

    def _read(self) -> None:
        end = self._got.find(b"\r\n\r\n")
        if end < 0 or self.busy:
            return
        found = LENGTH.search(self._got, 0, end + 2)
        length = int(found[1]) if found else 0
        assert length <= BODY_MAXIMUM, "the witness takes no such bodies"
        start = end + 4
        if len(self._got) < start + length:
            return
        target = self._got[: self._got.index(b"\r\n")].decode()
        body = bytes(self._got[start : start + length])
        del self._got[: start + length]
        if target.startswith("POST "):
            ids = tuple(one["id"] for one in json.loads(body))
            self._task = asyncio.get_running_loop().create_task(self._take(ids))
        else:
            self._witness.tell_status(self, target)

    async def _take(self, ids: tuple[str, ...]) -> None:
        try:
            await self._witness.take(self, ids)
        except Exception as met:  # noqa: BLE001 - whoever checks has to hear of it
            self._witness.failures.append(repr(met))
            self.cut()
        finally:
            self._task = None
        self._read()

    def answer(self, status: int, body: Any, headers: str = "") -> None:
        """Write an answer."""
        if self._transport is None or self._transport.is_closing():
            return
        content = json.dumps(body).encode()
        if self._witness.is_deaf:
            headers += "Connection: close\r\n"
        head = f"HTTP/1.1 {status} Any\r\nContent-Type: application/json\r\n{headers}"
        self._transport.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        if self._witness.is_deaf:
            self._transport.close()

    def cut(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            with contextlib.suppress(OSError):
                reset_on_close(self._transport.get_extra_info("socket"))
            self._transport.abort()


def _bound(port: int) -> socket.socket:
    """Return a socket on loopback that does not listen yet, and shares its port with others of this user."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((HOST, port))
    return sock
