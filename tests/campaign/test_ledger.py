"""The ledger: opened and closed, and what becomes of campaigns and their recipients in it."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from smsbat_async import ConfigurationError, LedgerConflictError, MessageType
from smsbat_async.campaign.ledger import Ledger
from smsbat_async.campaign.records import CampaignState, NewMessage, State
from tests.campaign.ledgers import (
    PHONE,
    SOURCE,
    START,
    TEXT,
    Clock,
    begun,
    claimed,
    filled,
    message,
    new,
    news_of,
    states,
    taken,
)


class TestOpening:
    async def test_makes_the_ledger_and_finds_it_again(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger)
        async with Ledger.open(where) as ledger:
            assert await ledger.campaigns() == [campaign]

    async def test_takes_a_path_with_marks_of_an_address_in_it(self, tmp_path: Path) -> None:
        path = tmp_path / "50% off? #1.db"
        for _ in range(2):
            async with Ledger.open(path) as ledger:
                await begun(ledger)
        assert path.exists()

    async def test_takes_an_empty_file_for_a_new_ledger(self, path: Path) -> None:
        path.touch()
        async with Ledger.open(path) as ledger:
            assert await ledger.campaigns() == []

    @pytest.mark.parametrize(
        "where", ["mysql://root@localhost/sms", "https://example.com/x.db", "postgresql://localhost:port/x"]
    )
    def test_refuses_what_is_neither_a_file_nor_postgresql(self, where: str) -> None:
        with pytest.raises(ConfigurationError, match="must be a file, or a URL as postgresql://"):
            Ledger.open(where)

    def test_bounds_a_file_and_nothing_else(self) -> None:
        with pytest.raises(ConfigurationError, match="max_bytes: must be at least 1"):
            Ledger.open("campaigns.db", max_bytes=0)
        with pytest.raises(ConfigurationError, match="max_bytes: only a file is bounded"):
            Ledger.open("postgresql://localhost/sms", max_bytes=10**9)

    def test_shows_where_it_is_but_no_credentials(self) -> None:
        url = "postgresql://sender:hidden-word@db.example/sms?password=hidden-too"
        ledger = Ledger.open(url)
        assert "db.example/sms" in repr(ledger)
        assert "hidden" not in repr(ledger) + ledger.place
        assert "sender" not in repr(ledger)

    async def test_is_needed_before_use_and_not_possible_twice(self, path: Path) -> None:
        ledger = Ledger.open(path)
        with pytest.raises(ConfigurationError, match="not open: use it within `async with"):
            await ledger.campaigns()
        async with ledger:
            with pytest.raises(ConfigurationError, match="open already"):
                await ledger.__aenter__()
            assert await ledger.campaigns() == []
        with pytest.raises(ConfigurationError, match="not open"):
            await ledger.campaigns()

    async def test_may_be_closed_twice_and_opened_again(self, where: str) -> None:
        ledger = Ledger.open(where)
        async with ledger:
            await begun(ledger)
            await ledger.aclose()
        async with ledger:
            assert len(await ledger.campaigns()) == 1

    def test_is_not_what_importing_the_package_does(self) -> None:
        heavy = ("sqlalchemy", "aiosqlite", "asyncpg", "smsbat_async.campaign")
        program = f"import sys, smsbat_async; print([n for n in sys.modules if n.startswith({heavy})])"
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd()
        )
        assert done.stdout == "[]\n"


class TestCampaigns:
    async def test_keep_what_they_were_begun_with(self, where: str) -> None:
        async with Ledger.open(where, clock=Clock()) as ledger:
            campaign = await ledger.begin(
                "spring", fingerprint=SOURCE, settings={"rate": 50, "text": "Привіт"}, chunk_size=100
            )
            assert campaign == await ledger.campaign("spring")
        assert (campaign.name, campaign.fingerprint, campaign.chunk_size) == ("spring", SOURCE, 100)
        assert campaign.settings == {"rate": 50, "text": "Привіт"}
        assert (campaign.state, campaign.reason) == (CampaignState.IMPORTING, None)
        assert (campaign.imported_line, campaign.size) == (0, 0)
        assert (campaign.created_at, campaign.sealed_at) == (START, None)

    async def test_go_on_under_the_same_name_and_source(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            first = await ledger.begin("spring", fingerprint=SOURCE, settings={"rate": 50})
            again = await ledger.begin("spring", fingerprint=SOURCE, settings={"rate": 70}, chunk_size=7)
            assert again == first

    async def test_refuse_another_source_under_their_name(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            first = await begun(ledger)
            with pytest.raises(LedgerConflictError, match="'spring' was begun with another source") as caught:
                await ledger.begin("spring", fingerprint="sha256:1e")
            assert caught.value.__context__ is None
            assert await ledger.campaigns() == [first]

    async def test_are_not_made_up_by_asking(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            with pytest.raises(LedgerConflictError, match="no campaign 'autumn'"):
                await ledger.campaign("autumn")
            assert await ledger.campaigns() == []

    async def test_change_their_state_and_settings_for_good(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger)
            paused = await ledger.set_state(campaign, CampaignState.PAUSED, reason="by hand")
            saved = await ledger.save_settings(campaign, {"rate": 9})
        assert (paused.state, paused.reason) == (CampaignState.PAUSED, "by hand")
        async with Ledger.open(where) as ledger:
            assert await ledger.campaign("spring") == saved
        assert (saved.state, saved.settings) == (CampaignState.PAUSED, {"rate": 9})

    async def test_refuse_settings_that_are_no_json(self, path: Path) -> None:
        async with Ledger.open(path) as ledger:
            with pytest.raises(ConfigurationError, match="settings: must be what JSON can hold"):
                await ledger.begin("spring", fingerprint=SOURCE, settings={"hook": object()})

    @pytest.mark.parametrize(("name", "fingerprint", "size"), [("", "x", 5), ("x", "", 5), ("x", "x", 1_001)])
    async def test_refuse_to_be_begun_without_sense(
        self, path: Path, name: str, fingerprint: str, size: int
    ) -> None:
        async with Ledger.open(path) as ledger:
            with pytest.raises(ConfigurationError, match="must"):
                await ledger.begin(name, fingerprint=fingerprint, chunk_size=size)

    async def test_do_not_see_each_other(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            one, other = await filled(ledger, 6, "one"), await filled(ledger, 3, "other")
            chunk = await claimed(ledger, other)
            await ledger.record(chunk, taken(chunk))
            assert await states(ledger, one) == {State.PENDING: 6}
            assert await states(ledger, other) == {State.ACCEPTED: 3}
            assert await ledger.claim(other, owner="test") is None
            assert await ledger.due(one) == []


class TestImport:
    async def test_gives_back_every_message_as_it_was(self, where: str) -> None:
        several = [
            NewMessage(2, message(2)),
            NewMessage(3, message(3, text="Вітаємо 👋 'quoted' \\ \n", ttl=60), 2, "UA", Decimal("0.0700")),
            NewMessage(4, message(4, message_type=MessageType.FLASHCALL, text=None), None, None, Decimal(0)),
            NewMessage(
                9,
                message(9, message_type=MessageType.VIBER_SURVEY, text="Well?", survey_options=["Yes", "No"]),
            ),
            NewMessage(10, message(10, scheduled_sent=dt.datetime(2026, 3, 2, tzinfo=dt.UTC))),
            NewMessage(11, message(11, from_name="Other", to_phone="+84901234567"), 1, "VN"),
        ]
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger, chunk_size=10)
            await ledger.add(campaign, several)
            campaign = await ledger.seal(campaign)
            chunk = await claimed(ledger, campaign)
        assert [one.line for one in chunk.messages] == [2, 3, 4, 9, 10, 11]
        for kept, given in zip(chunk.messages, several, strict=True):
            what, wanted = kept.message, given.message
            assert what.id == wanted.id
            assert (what.from_name, what.to_phone, what.text) == (
                wanted.from_name,
                wanted.to_phone,
                wanted.text,
            )
            assert (what.message_type, what.ttl) == (wanted.message_type, wanted.ttl)
            assert what.scheduled_sent == wanted.scheduled_sent
            assert tuple(what.survey_options or ()) == tuple(wanted.survey_options or ())
            assert (kept.parts, kept.country, str(kept.price)) == (
                given.parts,
                given.country,
                str(given.price),
            )

    async def test_that_broke_off_goes_on_after_the_last_line(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            await ledger.add(await begun(ledger), news_of(range(1, 7)), read_to=8)
        async with Ledger.open(where) as ledger:
            campaign = await begun(ledger)
            assert (campaign.imported_line, campaign.size) == (8, 6)
            campaign = await ledger.add(campaign, news_of([9, 12]))
            assert (campaign.imported_line, campaign.size) == (12, 8)
            campaign = await ledger.add(campaign, [], read_to=20)
            assert (campaign.imported_line, campaign.size) == (20, 8)

    async def test_refuses_lines_that_are_dealt_with(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await ledger.add(await begun(ledger), news_of([1, 2, 3]), read_to=5)
            with pytest.raises(LedgerConflictError, match="line 5 of campaign 'spring' is dealt with"):
                await ledger.add(campaign, news_of([5, 6]))
            assert await states(ledger, campaign) == {State.PENDING: 3}

    @pytest.mark.parametrize("lines", [[0, 1], [2, 2], [3, 1]])
    async def test_refuses_lines_that_do_not_grow(self, path: Path, lines: list[int]) -> None:
        async with Ledger.open(path) as ledger:
            with pytest.raises(ConfigurationError, match="begin at 1 and grow"):
                await ledger.add(await begun(ledger), news_of(lines))
            with pytest.raises(ConfigurationError, match="read_to: must be 2 or more"):
                await ledger.add(await begun(ledger), news_of([1, 2]), read_to=1)

    async def test_cuts_what_comes_into_chunks(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 4_321, chunk_size=1_000)
            sizes = []
            while (chunk := await ledger.claim(campaign, owner="test")) is not None:
                sizes.append(len(chunk.messages))
                assert [one.id for one in chunk.messages] == [
                    chunk.id * 1_000 + place for place in range(len(chunk.messages))
                ]
        assert sizes == [1_000] * 4 + [321]

    async def test_is_complete_before_anything_is_claimed(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await ledger.add(await begun(ledger), news_of([1]))
            with pytest.raises(LedgerConflictError, match="is not complete: import all of it and seal it"):
                await ledger.claim(campaign, owner="test")
            assert await states(ledger, campaign) == {State.PENDING: 1}

    async def test_ends_once(self, where: str) -> None:
        clock = Clock()
        async with Ledger.open(where, clock=clock) as ledger:
            campaign = await filled(ledger, 1)
            assert (campaign.state, campaign.sealed_at) == (CampaignState.READY, START)
            await ledger.set_state(campaign, CampaignState.RUNNING)
            clock.later(60)
            again = await ledger.seal(campaign)
            assert (again.state, again.sealed_at) == (CampaignState.RUNNING, START)
            with pytest.raises(LedgerConflictError, match="'spring' is complete"):
                await ledger.add(campaign, news_of([2]))

    async def test_row_74_refuses_an_id_that_occurs_twice(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            await filled(ledger, 3, "other")
            campaign = await begun(ledger)
            await ledger.add(campaign, [new(2, id="other-1"), new(3, id=PHONE), new(4)])
            await ledger.add(campaign, [new(70, id="spring-4"), new(71, id=PHONE), new(72, id=PHONE)])
            with pytest.raises(LedgerConflictError, match="on lines 3 and 72, 4 and 70:") as caught:
                await ledger.seal(campaign)
            assert PHONE not in str(caught.value)
            with pytest.raises(LedgerConflictError, match="not complete"):
                await ledger.claim(campaign, owner="test")

    async def test_row_74_the_same_campaign_started_twice_has_each_recipient_once(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 5)
            chunk = await claimed(ledger, campaign)
            await ledger.record(chunk, taken(chunk))
        async with Ledger.open(where) as ledger:
            again = await begun(ledger)
            assert (again.size, again.imported_line) == (5, 5)
            assert await states(ledger, again) == {State.ACCEPTED: 4, State.PENDING: 1}
            assert [one.line for one in (await claimed(ledger, again)).messages] == [5]


class TestDiscarding:
    async def test_makes_the_name_free_for_another_source(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            other = await filled(ledger, 3, "other")
            campaign = await filled(ledger, 205, chunk_size=1)
            await ledger.discard(campaign)
            assert await ledger.campaigns() == [other]
            again = await ledger.begin("spring", fingerprint="sha256:1e", chunk_size=2)
            await ledger.add(again, [new(1, from_name="Another", text="Hello")])
            again = await ledger.seal(again)
            [only] = (await claimed(ledger, again)).messages
            assert (only.message.from_name, only.message.text) == ("Another", "Hello")
            assert await states(ledger, other) == {State.PENDING: 3}

    async def test_of_an_empty_campaign_leaves_nothing_of_it(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            empty = await filled(ledger, 0)
            assert await ledger.claim(empty, owner="test") is None
            await ledger.discard(empty)
            campaign = await filled(ledger, 1)
            assert [one.message for one in (await claimed(ledger, campaign)).messages] == [message(1)]

    async def test_is_refused_once_anything_was_claimed(self, where: str) -> None:
        async with Ledger.open(where) as ledger:
            campaign = await filled(ledger, 3)
            await ledger.give_back(await claimed(ledger, campaign))
            with pytest.raises(LedgerConflictError, match="has begun to send"):
                await ledger.discard(campaign)
            assert await states(ledger, campaign) == {State.PENDING: 3}


def test_no_message_holds_what_tests_look_for_in_errors() -> None:
    assert PHONE in message(1).to_phone
    assert message(1).text == TEXT
