"""The programs on the page about campaigns do what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smsbat_async import SmsBatClient
from smsbat_async.campaign import Ledger, State
from smsbat_async.sandbox import Sandbox
from tests.campaign.campaigns import file_of, in_states
from tests.test_readme import CONFIG, ROOT, block_with, names_of

PAGE = "docs/campaigns.md"
HOURS = 'start="09:00", end="20:00"'


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Sandbox], None]:
    def point(sandbox: Sandbox) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SMSBAT_BASE_URL", sandbox.url)
        monkeypatch.setenv("SMSBAT_API_KEY", sandbox.config.api_key)

    return point


@pytest.mark.looptime
async def test_a_campaign_is_run_whole(
    point_at: Callable[[Sandbox], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, 20)
    path.write_text(path.read_text().replace("phone,text", "phone,name"))
    # Whatever time of the day it is.
    program = block_with(PAGE, "CampaignSettings(").replace(HOURS, 'start="00:00", end="24:00"')
    assert HOURS not in program
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        await names_of(program)["main"]()
        assert sandbox.stats.accepted == 20
    said = capsys.readouterr().out
    assert "good                   20" in said
    assert said.splitlines()[-1].startswith("finished ")


@pytest.mark.looptime
async def test_a_campaign_goes_on_without_its_file(
    point_at: Callable[[Sandbox], None], tmp_path: Path
) -> None:
    path = file_of(tmp_path, 20)
    path.write_text(path.read_text().replace("phone,text", "phone,name"))
    program = names_of(block_with(PAGE, "CampaignSettings(").replace("campaign.run(", "print("))
    async with Sandbox(CONFIG) as sandbox:
        point_at(sandbox)
        with pytest.raises(TypeError):  # it breaks off after the import
            await program["main"]()
        path.unlink()
        async with Ledger.open("campaigns.db") as ledger:
            record = await ledger.campaign("spring")
            await ledger.save_settings(record, {**record.settings, "campaign": {}})
        async with SmsBatClient.from_env() as client:
            await names_of(block_with(PAGE, "go_on"))["go_on"](client)
        async with Ledger.open("campaigns.db") as ledger:
            assert await in_states(ledger) == {State.DELIVERED: 20}


def test_every_page_that_it_names_is_there() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    named = {part.split("#")[0].split(")")[0] for part in text.split("](")[1:]}
    assert named
    assert all((ROOT / "docs" / page).exists() for page in named)
