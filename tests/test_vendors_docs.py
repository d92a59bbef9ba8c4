"""What docs/vendors.md shows is run, as it stands, against the sandbox."""

from decimal import Decimal
from typing import Any

import pytest

from smsbat_async import SmsBatClient, ZnsClient
from smsbat_async.native import custom, message, rcs, sms, viber
from smsbat_async.sandbox import Channel, Sandbox, SandboxConfig
from smsbat_async.vendors import messagelist, variables, zns_account, zns_errors, zns_send
from tests.test_readme import ROOT, block_with, names_of

PAGE = "docs/vendors.md"
CONFIG = SandboxConfig(
    permanent_error_share=0.0,
    undeliverable_share=0.0,
    never_ends_share=0.0,
    speed=10_000,
    delay_spread=0.0,
    channels=tuple(
        Channel(name=name, share=1.0, delay=2.0, cost=Decimal("0.05"))
        for name in ("telegram", "viber", "rcs", "sms", "flashcall", "zalo")
    ),
)


async def run(part: str, sandbox: Sandbox, patch: pytest.MonkeyPatch) -> None:
    """Run the block that holds a text, with clients of the sandbox in place of the vendors'."""
    names: dict[str, Any] = names_of(block_with(PAGE, part))
    patch.setenv("SMSBAT_API_KEY", "sandbox-key")
    patch.setenv("SMSBAT_BASE_URL", sandbox.url)
    patch.setenv("ZNS_API_KEY", "sandbox-zns-key")
    patch.setenv("ZNS_BASE_URL", sandbox.url)
    fast: dict[str, Any] = {"polling": names_of(FAST)["FAST"]}
    for kind in (SmsBatClient, ZnsClient):
        if kind.__name__ in names:
            client = kind.from_env(**fast)
            names[kind.__name__] = type("Given", (), {"from_env": staticmethod(lambda client=client: client)})
    await names["main"]()


FAST = "from smsbat_async import PollPolicy\nFAST = PollPolicy(initial=0.01, maximum=0.05, allow_fast=True)\n"


async def test_a_native_message_is_sent_and_delivered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(CONFIG) as sandbox:
        await run("SmsMessage(", sandbox, monkeypatch)
        code, sale = sandbox.messages
    assert (code.message_type, sale.message_type) == ("sms", "viber_promo")
    assert capsys.readouterr().out == f"delivered 0.05\nsale-17 accepted {sale.message_id}\n"


async def test_variables_are_put_into_the_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(CONFIG) as sandbox:
        await run("Variable(", sandbox, monkeypatch)
        (kept,) = sandbox.messages
    assert kept.text == "Hi Sarah! Your order: https://short.invalid/2"
    assert kept.message_id in capsys.readouterr().out


async def test_a_notification_is_sent_by_an_enabled_template(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox(CONFIG) as sandbox:
        await run("ZnsMessage(", sandbox, monkeypatch)
        (kept,) = sandbox.messages
    assert (kept.phone, kept.sender) == ("84987654321", "200001")
    assert capsys.readouterr().out == "10000\ndelivered\n"


def page() -> str:
    return (ROOT / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [messagelist.PATH, variables.PATH, zns_send.PATH, zns_account.QUOTA_PATH, zns_account.TEMPLATES_PATH],
)
def test_every_path_is_named(path: str) -> None:
    assert f"{path}`" in page()


@pytest.mark.parametrize("codes", [zns_errors.RECIPIENT, zns_errors.QUOTA], ids=["recipient", "quota"])
def test_the_codes_are_those_of_the_code(codes: frozenset[int]) -> None:
    rows = [line for line in page().splitlines() if line.lstrip().startswith("| `")]
    found = [set(_numbers(row)) for row in rows]
    assert set(codes) in found


def _numbers(row: str) -> list[int]:
    words = row.replace(",", " ").replace(":", " ").split()
    return [int(word) for word in words if word.startswith("-") and word[1:].isdigit()]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"up to {messagelist.CHUNK_MAXIMUM:,} messages" in page()
    assert f"up to {rcs.RCS_TEXT_MAXIMUM:,} characters" in page()
    assert f"up to {rcs.RCS_BUTTONS[-1]} `buttons`" in page()
    assert f"{viber.NATIVE_SURVEY_OPTIONS[0]} to {viber.NATIVE_SURVEY_OPTIONS[-1]} `options`" in page()
    assert f"up to {sms.FLASHCALL_TTL_MAXIMUM} seconds" in page()


def test_every_kind_of_message_is_in_the_table() -> None:
    kinds: list[type] = [*message.FallbackMessage.__subclasses__(), sms.SmsMessage]
    assert custom.CustomMessage in kinds
    for kind in kinds:
        if kind.__module__.startswith("smsbat_async"):
            assert f"| `{kind.__name__}` |" in page()
