"""The word to stop, and what it breaks off."""

import asyncio

import pytest

from smsbat_async.campaign import CampaignState
from smsbat_async.campaign.halt import Halt


@pytest.mark.looptime
class TestBreakingOff:
    @pytest.mark.parametrize("follows", [False, True], ids=["sending", "following"])
    async def test_ends_a_block_that_has_begun(self, follows: bool) -> None:
        halt = Halt()
        asyncio.get_running_loop().call_later(1.0, halt.say, CampaignState.PAUSED, None)
        with halt.breaking_off(follows=follows):
            await asyncio.sleep(3_600.0)
        assert asyncio.get_running_loop().time() < 10

    @pytest.mark.parametrize("follows", [False, True], ids=["sending", "following"])
    async def test_ends_a_block_that_begins_after_the_word(self, follows: bool) -> None:
        halt = Halt()
        halt.say(CampaignState.PAUSED, None)
        with halt.breaking_off(follows=follows):
            await asyncio.sleep(3_600.0)
        assert asyncio.get_running_loop().time() < 10

    async def test_leaves_following_alone_where_only_sending_ends(self) -> None:
        halt = Halt()
        halt.say(CampaignState.CANCELLED, None, follow=True)
        with halt.breaking_off(follows=True):
            await asyncio.sleep(20.0)
        assert asyncio.get_running_loop().time() >= 20
        assert (halt.sending, halt.following) == (False, True)

    async def test_leaves_alone_what_is_spared(self) -> None:
        halt = Halt()
        asyncio.get_running_loop().call_later(1.0, halt.say, CampaignState.PAUSED, None)
        with halt.breaking_off() as scope:
            halt.spare(scope)
            await asyncio.sleep(20.0)
        assert asyncio.get_running_loop().time() >= 20


async def test_the_first_word_counts_and_a_later_one_may_end_the_following_too() -> None:
    halt = Halt()
    halt.say(CampaignState.CANCELLED, "wrong text", follow=True)
    halt.say(CampaignState.PAUSED, "by Ctrl-C")
    assert (halt.state, halt.reason) == (CampaignState.CANCELLED, "wrong text")
    assert not halt.following


@pytest.mark.looptime
async def test_whoever_waits_for_a_change_is_woken_or_waits_so_long() -> None:
    halt, loop = Halt(), asyncio.get_running_loop()
    loop.call_later(1.0, halt.nudge)
    begun = loop.time()
    await halt.change(60.0)
    assert loop.time() - begun < 2
    await halt.change(60.0)
    assert loop.time() - begun >= 60
