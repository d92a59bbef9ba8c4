"""docs/testing.md: every example is run as it stands."""

import json
import re
import shlex
from pathlib import Path

import aiohttp
import pytest

from smsbat_async.sandbox import Sandbox
from smsbat_async.sandbox.__main__ import build_config, build_parser
from smsbat_async.testing import FakeVendors
from tests.testing.messages import PHONE, message

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
FILE = re.compile(r"^```(?:python|ini)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?:python|ini)\n", re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)


def test_every_block_is_a_file() -> None:
    assert len(FILE.findall(PAGE)) == len(BLOCK.findall(PAGE)) == len(dict(FILE.findall(PAGE))) == 16


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    files = FILE.findall(PAGE)
    for name, text in files:
        pytester.path.joinpath(name).write_text(text, encoding="utf-8")
    tests = sum(len(re.findall(r"^ *(?:async )?def test_", text, re.MULTILINE)) for _, text in files)
    result = pytester.runpytest_subprocess(
        *("-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist"),
        # Which HTTP library starlette's test client stands on is for the reader to say.
        *("-W", "ignore:Using `httpx` with"),
        timeout=55,
    )
    result.assert_outcomes(passed=tests)
    assert tests == 17


async def test_the_failure_reads_as_on_the_page() -> None:
    async with FakeVendors() as vendors:
        sent = message(7, from_name="YourStore", text="Order 7 is confirmed.")
        await vendors.smsbat_client().send(sent)
        with pytest.raises(AssertionError) as caught:
            vendors.assert_sent(to=PHONE, text="Order 8")
    assert f"```text\nAssertionError: {caught.value}\n```" in PAGE


@pytest.mark.parametrize("name", ["FakeVendors", "pytest fixtures"])
def test_every_public_name_is_on_the_page(name: str) -> None:
    if name == "FakeVendors":
        wanted = {part for part in dir(FakeVendors) if not part.startswith("_")} - {
            "aclose",
            "close",
            "answer",
        }
        # These are told of in the text.
        wanted -= {"serving", "zalo_signature", "url", "env"}
        table = PAGE.partition("| `FakeVendors` |")[2].partition("\n\n")[0]
    else:
        wanted = {"smsbat_sandbox", "smsbat_client", "zns_client", "smsbat_sandbox_server"}
        wanted |= {"smsbat_client_options", "zns_client_options"}
        table = PAGE.partition("| fixture |")[2].partition("\n\n")[0]
    assert {part for part in wanted if part not in table} == set()


START, *REQUESTS = COMMAND.findall(PAGE.partition("A program in another language")[2])


@pytest.fixture
def sandbox_for_other_languages() -> Sandbox:
    program, *options = shlex.split(START)
    assert program == "smsbat-sandbox"
    return Sandbox(build_config(vars(build_parser().parse_args([*options, "--port", "0"]))))


async def test_the_commands_for_other_languages_do_what_they_say(
    sandbox_for_other_languages: Sandbox,
) -> None:
    answers = []
    async with sandbox_for_other_languages as sandbox, aiohttp.ClientSession() as session:
        for line in REQUESTS:
            command, silent, url, *rest = shlex.split(line)
            assert (command, silent) == ("curl", "-s")
            pairs = list(zip(rest[::2], rest[1::2], strict=True))
            headers = dict(value.split(": ", 1) for flag, value in pairs if flag == "-H")
            body = next((value for flag, value in pairs if flag == "-d"), None)
            method = "GET" if body is None else "POST"
            url = url.replace("http://127.0.0.1:8025", sandbox.url)
            async with session.request(method, url, headers=headers, data=body) as answer:
                answers.append((answer.status, await answer.text()))
        assert [status for status, _ in answers] == [201, 500, 200]
        assert json.loads(answers[2][1])["matching"] == 0
