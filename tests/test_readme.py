"""Every Python block of the README and the docs is run, as it stands, against the sandbox."""

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smsbat_async import AuthenticationError, CascadeMessage, MessageType, SendResult, SmsBatClient
from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PHONE = "+380501234567"

CONFIG = SandboxConfig(
    permanent_error_share=0.0,
    undeliverable_share=0.0,
    never_ends_share=0.0,
    channels=tuple(
        Channel(name=name, share=1.0, delay=2.0, cost=Decimal("0.05"))
        for name in ("telegram", "viber", "rcs", "sms", "flashcall", "zalo")
    ),
)


def blocks(path: str) -> list[str]:
    """Return the Python blocks of a page."""
    return BLOCK.findall((ROOT / path).read_text(encoding="utf-8"))


def block_with(path: str, part: str) -> str:
    """Return the one Python block of a page that holds a text."""
    found = [block for block in blocks(path) if part in block]
    assert len(found) == 1, f"{path} has {len(found)} blocks with {part!r}"
    return found[0]


def names_of(block: str) -> dict[str, Any]:
    """Run a block, but for its own `asyncio.run`, and return its names."""
    names: dict[str, Any] = {}
    exec(compile(block.replace("asyncio.run(main())", ""), "README.md", "exec"), names)
    return names


def message(number: int) -> CascadeMessage:
    return CascadeMessage(
        id=f"order-{number}",
        from_name="YourStore",
        to_phone=f"+38050{number:07d}",
        message_type=MessageType.TRANSACTION,
        text="Your order has been confirmed.",
    )


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox], None]:
    """Give the snippets the environment that a user would set."""

    def point(sandbox: Sandbox) -> None:
        monkeypatch.setenv("SMSBAT_BASE_URL", sandbox.url)
        monkeypatch.setenv("SMSBAT_API_KEY", sandbox.config.api_key)

    return point


def test_the_readme_has_the_blocks_that_are_run_here() -> None:
    assert len(blocks("README.md")) == 5


@pytest.mark.looptime
async def test_send_one_message_and_await_it(
    point_at: Callable[[Sandbox], None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        await names_of(block_with("README.md", "order-12345"))["main"]()
        assert sandbox.stats.accepted == 1
    assert capsys.readouterr().out == "delivered 0.05\n"


@pytest.mark.looptime
async def test_check_many(
    point_at: Callable[[Sandbox], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        async with SmsBatClient.from_env() as client:
            results = await client.send_many([message(number) for number in range(300)])
        await asyncio.sleep(60.0)
        ids = [result.message_id or "" for result in results]
        Path("message_ids.txt").write_text("\n".join([*ids, "unheard-of"]))
        await names_of(block_with("README.md", "message_ids.txt"))["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert {line for line in lines if "unheard-of" not in line} == {f"{one} delivered" for one in ids}
    assert len(lines) == 301


@pytest.mark.looptime
async def test_send_many_names_those_of_unknown_fate(point_at: Callable[[Sandbox], None]) -> None:
    config = SandboxConfig(incomplete_share=0.1)
    async with Sandbox(config) as sandbox:
        point_at(sandbox)
        async with SmsBatClient.from_env() as client:
            send_all = names_of(block_with("README.md", "send_all"))["send_all"]
            unknown = await send_all(client, (message(number) for number in range(1_200)))
        assert set(unknown) == {known.tracking_id for known in sandbox.messages if not known.named}
    assert 60 < len(unknown) < 180


@pytest.mark.looptime
async def test_a_one_time_code(point_at: Callable[[Sandbox], None]) -> None:
    send_code = names_of(block_with("README.md", "send_code"))["send_code"]
    config = SandboxConfig(outcomes={"+380500000001": "delivered", "+380500000002": "undeliverable"})
    async with Sandbox(config) as sandbox:
        point_at(sandbox)
        async with SmsBatClient.from_env() as client:
            assert await send_code(client, message(1)) == "delivered"
            assert await send_code(client, message(2)) == "use another channel"
    async with Sandbox(SandboxConfig(lose_share=1.0)) as sandbox:
        point_at(sandbox)
        async with SmsBatClient.from_env() as client:
            assert await send_code(client, message(3)) == "maybe sent"
    async with SmsBatClient.from_env() as client:  # nobody listens there any more
        assert await send_code(client, message(4)) == "not sent"


@pytest.mark.looptime
async def test_the_hook_that_keeps_outcomes(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with("docs/duplicates.md", "keep_outcomes"))
        async with names["client"] as client:
            await client.send_many([message(number) for number in range(10)])
    assert names["outcomes"] == {f"order-{number}": "accepted" for number in range(10)}


@pytest.mark.looptime
async def test_both_vendors_share_a_pool(
    point_at: Callable[[Sandbox], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    where_are = names_of(block_with("README.md", "where_are"))["where_are"]
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        monkeypatch.setenv("ZNS_BASE_URL", sandbox.url)
        monkeypatch.setenv("ZNS_API_KEY", sandbox.config.zns_key)
        async with SmsBatClient.from_env() as client:
            receipt = await client.send(message(1))
        assert await where_are(receipt.message_id, "unheard-of") == ("scheduled", -1)


@pytest.mark.looptime
async def test_the_hook_is_not_misled_by_a_repeated_id(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with("docs/duplicates.md", "keep_outcomes"))
        repeated = [message(1), *(message(number) for number in range(2, 30)), message(1)]
        async with names["client"] as client, client.send_stream(repeated, chunk_size=5) as results:
            assert [result.outcome async for result in results if result.message.id == "order-1"] == [
                "accepted",
                "rejected",
            ]
    assert names["outcomes"]["order-1"] == "accepted"


class Shelf:
    """An outbox in memory, as the page wants one."""

    def __init__(self, count: int) -> None:
        self.waiting = [message(number) for number in range(count)]
        self.outcomes: dict[str, str] = {}

    async def claim(self) -> list[CascadeMessage]:
        taken, self.waiting = self.waiting[:40], self.waiting[40:]
        return taken

    async def record(self, results: list[SendResult]) -> None:
        self.outcomes.update({result.message.id: result.outcome for result in results})


@pytest.mark.looptime
async def test_a_database_of_your_own(point_at: Callable[[Sandbox], None]) -> None:
    empty = names_of(block_with("docs/duplicates.md", "class Outbox"))["empty"]
    shelf, refused = Shelf(100), Shelf(100)
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        async with SmsBatClient.from_env() as client:
            await empty(client, shelf)
        async with SmsBatClient.from_env(api_key="wrong") as client:
            with pytest.raises(AuthenticationError):
                await empty(client, refused)
        assert sandbox.stats.accepted == 100
    assert shelf.outcomes == {f"order-{number}": "accepted" for number in range(100)}
    assert refused.outcomes == {f"order-{number}": "rejected" for number in range(40)}


@pytest.mark.looptime
async def test_the_wire_transport(point_at: Callable[[Sandbox], None]) -> None:
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        names = names_of(block_with("docs/transports.md", "wire"))
        async with names["pool"], names["client"] as client:
            receipt = await client.send(message(1))
            assert (await client.wait_for_delivery(receipt.message_id)).success
