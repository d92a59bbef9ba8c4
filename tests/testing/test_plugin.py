"""The pytest plugin in pytest runs of its own: with each plugin that runs async tests, and without any."""

import importlib.metadata

import pytest

pytest_plugins = ["pytester"]

ASYNCIO = ("-p", "pytest_asyncio.plugin")
ANYIO = ("-p", "anyio.pytest_plugin")
ALL = ("all that are installed",)

PREAMBLE = """
import asyncio, logging
import pytest
from smsbat_async import CascadeMessage, MessageType, SmsBatClient, ZnsMessage

PHONE = "+380501234567"

def message(number=1):
    return CascadeMessage(
        id=f"order-{number}", from_name="Shop", to_phone=PHONE, message_type=MessageType.PROMO, text="Hi"
    )

async def use(client):
    receipt = await client.send(message())
    assert (await client.wait_for_delivery(receipt.message_id)).success
"""

USES = """
async def test_smsbat(smsbat_sandbox, smsbat_client):
    await use(smsbat_client)
    smsbat_sandbox.assert_sent(to=PHONE, times=1)

async def test_zns(smsbat_sandbox, zns_client):
    smsbat_sandbox.assert_nothing_sent()
    message = ZnsMessage(phone="84987654321", template_id="t", template_data={"a": "1"}, tracking_id="x")
    receipt = await zns_client.send(message)
    assert (await zns_client.wait_for_delivery(receipt.message_id)).success
    smsbat_sandbox.assert_sent(vendor="zns", times=1)

async def test_much_is_left_under_way(smsbat_sandbox, smsbat_client, zns_client):
    smsbat_sandbox.send_webhooks(smsbat="http://127.0.0.1:9/")
    receipt = await smsbat_client.send(message())
    smsbat_client.track(receipt.message_id), smsbat_client.track("unheard-of"), zns_client.track("unheard-of")
    left = asyncio.create_task(smsbat_client.wait_for_delivery("unheard-of"))
    smsbat_sandbox.inject("slow", seconds=60.0)
    slow = asyncio.create_task(smsbat_client.send(message(2)))
    await asyncio.sleep(0.05)
    assert not left.done() and not slow.done()

async def test_server(smsbat_sandbox_server, smsbat_client):
    await use(smsbat_client)
    async with SmsBatClient(api_key="sandbox-key", base_url=smsbat_sandbox_server.url) as client:
        assert await client.send(message())
    smsbat_sandbox_server.assert_sent(times=2)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> "Run":
    return Run(pytester, monkeypatch)


class Run:
    """Runs tests in a pytest that has named plugins only, or else all of them; every warning is an error."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._pytester = pytester

    def __call__(self, tests: str, *plugins: str, ini: str = "", expect: dict[str, int]) -> pytest.RunResult:
        self._pytester.makepyfile(PREAMBLE + tests)
        self._pytester.makeini(f"[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n{ini}\n")
        arguments = ["-p", "no:cacheprovider"]
        if plugins != ALL:
            self._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            arguments += ["-p", "smsbat_async", *plugins]
        result = self._pytester.runpytest_subprocess(*arguments, timeout=50)
        result.assert_outcomes(**expect)
        shown = result.stdout.str() + result.stderr.str()
        assert "never retrieved" not in shown
        assert "was destroyed" not in shown
        return result


AUTO = "asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function"
STRICT = "asyncio_mode = strict\nasyncio_default_fixture_loop_scope = function"
MARKED = "pytestmark = pytest.mark.{}\n"


def test_with_pytest_asyncio_in_auto_mode(run: Run) -> None:
    fixtures = """
@pytest.fixture
async def service(smsbat_client):
    await use(smsbat_client)
    yield smsbat_client
    await use(smsbat_client)  # it is not closed before those who use it

async def test_a_fixture_may_use_the_client_before_and_after(service):
    await use(service)

@pytest.mark.asyncio(loop_scope="module")
async def test_on_a_loop_that_lives_longer(smsbat_sandbox, smsbat_client):
    smsbat_sandbox.send_webhooks(smsbat="http://127.0.0.1:9/")
    global kept
    kept = smsbat_client
    kept.track("unheard-of")
    await use(kept)

@pytest.mark.asyncio(loop_scope="module")
async def test_the_client_was_closed_there():
    assert "closed" in repr(kept)
    assert len(asyncio.all_tasks()) == 1
"""
    run(USES + fixtures, *ASYNCIO, ini=AUTO, expect={"passed": 7})


def test_with_pytest_asyncio_in_strict_mode(run: Run) -> None:
    run(MARKED.format("asyncio") + USES, *ASYNCIO, ini=STRICT, expect={"passed": 4})


def test_with_anyio_on_asyncio_and_a_clear_error_on_trio(run: Run) -> None:
    tests = """
@pytest.fixture(params=["asyncio", ("asyncio", {"use_uvloop": True})], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return request.param

class TestTrio:
    @pytest.fixture
    def anyio_backend(self):
        return "trio"

    async def test_trio(self, smsbat_client):
        raise AssertionError
"""
    result = run(
        MARKED.format("anyio") + USES + tests,
        *ANYIO,
        expect={"passed": 8, "errors": 1},
    )
    result.stdout.fnmatch_lines(["smsbat_async runs on asyncio, and anyio runs this test on trio: *"])


def test_with_looptime(run: Run) -> None:
    tests = """
@pytest.mark.looptime
@pytest.mark.smsbat_sandbox(never_ends_share=1.0)
async def test_hours_pass(smsbat_sandbox, smsbat_client, looptime):
    receipt = await smsbat_client.send(message())
    assert (await smsbat_client.wait_for_delivery(receipt.message_id, timeout=7_200)).timed_out
    assert 7_200 <= looptime < 7_260

@pytest.mark.looptime
async def test_messages_take_seconds(smsbat_sandbox, smsbat_client, looptime):
    await use(smsbat_client)
    assert smsbat_sandbox.config.speed == 1.0
    assert looptime > 2

@pytest.mark.looptime
@pytest.mark.smsbat_sandbox(lifelike=False)
async def test_unless_told_otherwise(smsbat_client, looptime):
    await use(smsbat_client)
    assert looptime < 1

@pytest.mark.looptime
async def test_much_is_left_under_way(smsbat_sandbox, smsbat_client):
    smsbat_sandbox.send_webhooks(smsbat="http://127.0.0.1:9/")
    receipt = await smsbat_client.send(message())
    smsbat_client.track(receipt.message_id)

@pytest.mark.looptime(False)
async def test_real_time(smsbat_sandbox):
    assert smsbat_sandbox.config.speed == 1000.0

@pytest.mark.looptime
async def test_server(smsbat_sandbox_server):
    raise AssertionError
"""
    result = run(tests, *ALL, ini=AUTO, expect={"passed": 5, "errors": 1})
    result.stdout.fnmatch_lines(["smsbat_sandbox_server listens in real time, *"])


def test_without_anything_that_runs_async_tests(run: Run) -> None:
    tests = """
import sys
from fastapi import FastAPI

def test_nothing_is_imported_before_it_is_asked_for():
    assert not {"aiohttp", "smsbat_async.sandbox", "smsbat_async.testing.vendors"} & sys.modules.keys()

def test_a_loop_of_the_test(smsbat_sandbox, smsbat_client):
    asyncio.run(use(smsbat_client))
    smsbat_sandbox.assert_sent(times=1)

def test_a_loop_that_is_still_there(smsbat_sandbox, smsbat_client):
    global loop
    loop = asyncio.new_event_loop()
    loop.run_until_complete(use(smsbat_client))

def test_it_was_closed_there():
    assert not asyncio.all_tasks(loop)
    loop.close()

def test_a_program_with_its_own_client(smsbat_sandbox_server, monkeypatch):
    for name, value in smsbat_sandbox_server.env.items():
        monkeypatch.setenv(name, value)
    async def main():
        async with SmsBatClient.from_env() as client:
            await client.send(message())
    asyncio.run(main())
    [sent] = smsbat_sandbox_server.assert_sent(times=1)
    smsbat_sandbox_server.wait_until_settled()
    assert smsbat_sandbox_server.status(sent) == "delivered"
"""
    run(tests, expect={"passed": 5})


def test_markers_and_overridden_fixtures_set_options(run: Run) -> None:
    tests = """
pytestmark = pytest.mark.smsbat_sandbox(speed=50.0, seed=5)

@pytest.fixture
def smsbat_client_options():
    return {"timeout": 7.0, "hooks": [events.append]}

@pytest.fixture
def zns_client_options():
    return {"hooks": [events.append]}

events = []

@pytest.mark.smsbat_sandbox(speed=500.0, undeliverable_share=1.0)
class TestClass:
    @pytest.mark.smsbat_sandbox(undeliverable_share=0.5)
    def test_the_nearest_counts_most(self, smsbat_sandbox):
        config = smsbat_sandbox.config
        assert (config.seed, config.speed, config.undeliverable_share) == (5, 500.0, 0.5)

def test_clients_have_their_options(smsbat_client, zns_client):
    asyncio.run(use(smsbat_client))
    assert events

@pytest.mark.smsbat_sandbox(undelivered_share=1.0)
def test_unknown(smsbat_sandbox): ...

@pytest.mark.smsbat_sandbox(fail_share=7)
def test_wrong(smsbat_sandbox): ...

@pytest.mark.smsbat_sandbox(0.5)
def test_unnamed(smsbat_sandbox): ...
"""
    result = run(tests, expect={"passed": 2, "errors": 3})
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.smsbat_sandbox: undelivered_share is no option of the sandbox: *",
            "@pytest.mark.smsbat_sandbox: fail_share must be 0 to 1*",
            "@pytest.mark.smsbat_sandbox takes options by name only",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling of*")


def test_a_failed_assertion_points_at_the_test(run: Run) -> None:
    tests = """
def test_fails(smsbat_sandbox):
    smsbat_sandbox.assert_sent(to=PHONE)
"""
    result = run(tests, expect={"failed": 1})
    result.stdout.fnmatch_lines(
        [
            ">   *smsbat_sandbox.assert_sent(to=PHONE)",
            "E   *AssertionError: a message to +380501234567 expected, 0 found. Nothing was sent.",
        ]
    )
    result.stdout.no_fnmatch_line("*outbox.py*")


def test_pytest_finds_it_by_itself() -> None:
    found = importlib.metadata.entry_points(group="pytest11", name="smsbat_async")
    assert {entry.value for entry in found} == {"smsbat_async.testing.plugin"}


def test_it_is_loaded_here_as_by_anybody(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("smsbat_async")
