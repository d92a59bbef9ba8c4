"""What is said of webhooks that are refused: when it begins and ends, not for each."""

from smsbat_async.sandbox import Sandbox
from smsbat_async.sandbox.attempts import WebhookAttempt
from smsbat_async.sandbox.messages import Message
from smsbat_async.sandbox.reachability import Reachability
from tests.test_sandbox import FakeClock
from tests.test_sandbox_steering import accept

HOOK = "http://receiver.test/hook"


class Said:
    """A `Reachability` with the lines that it said, and attempts to tell it of."""

    def __init__(self, message: Message) -> None:
        self.lines: list[str] = []
        self.clock = FakeClock()
        self._message = message
        self._reachability = Reachability(self.lines.append, now=self.clock)

    def note(self, status: int | None, url: str = HOOK, error: Exception | None = None) -> None:
        self._reachability.note(
            WebhookAttempt(self._message, "delivered", url, 1, status, error, is_last=False)
        )


async def said() -> Said:
    return Said(await accept(Sandbox()))


async def test_what_is_taken_from_the_first_is_not_worth_a_word() -> None:
    watcher = await said()
    for _ in range(3):
        watcher.note(202)
    assert watcher.lines == []


async def test_nobody_there_is_told_apart_from_a_refusal() -> None:
    watcher = await said()
    watcher.note(None, error=OSError("nobody there"))
    assert watcher.lines == [f"SMSBAT's webhooks to {HOOK} do not get through: OSError: nobody there"]


async def test_another_url_is_another_receiver() -> None:
    watcher = await said()
    watcher.note(404)
    watcher.note(401, HOOK + "2")
    watcher.note(200, HOOK + "2")
    assert watcher.lines == [
        f"SMSBAT's webhooks to {HOOK} are refused: answer 404",
        f"SMSBAT's webhooks to {HOOK}2 are refused: answer 401",
        f"SMSBAT's webhooks to {HOOK}2 are taken again: answer 200",
    ]


async def test_a_receiver_that_takes_some_only_is_told_of_every_ten_seconds_at_most() -> None:
    watcher = await said()
    for _ in range(100):
        watcher.note(500)
        watcher.note(200)
    assert len(watcher.lines) == 2
    watcher.clock.seconds += 10.0
    watcher.note(500)
    assert len(watcher.lines) == 3
