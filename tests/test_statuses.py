"""What the vendors answer: words, ends, and deliveries."""

import datetime as dt
import pickle
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import (
    Delivery,
    DeliveryFailedError,
    DeliveryStatus,
    Fallback,
    MessageStatus,
    NotFoundError,
    Outcome,
    StatusResult,
    ZnsStatus,
)
from smsbat_async.statuses import TERMINAL, ZNS_TERMINAL

ENDS = {
    "delivered": Outcome.DELIVERED,
    "undeliverable": Outcome.UNDELIVERABLE,
    "permanenterror": Outcome.PERMANENT_ERROR,
}
NO_ENDS = [
    "scheduled",
    "processing",
    "",
    "read",
    "sent",
    "expired",
    "not_used",
    "delivered ",
    "đã giao",
    "\ud83d",
]


def status(word: str) -> MessageStatus:
    return MessageStatus(message_id="abc", delivery_status=word)


def delivery(outcome: Outcome, answer: MessageStatus | None = None) -> Delivery[MessageStatus]:
    return Delivery(message_id="abc", outcome=outcome, status=answer)


class TestDeliveryStatus:
    def test_has_the_vendors_five_words(self) -> None:
        assert {member.name: member.value for member in DeliveryStatus} == {
            "SCHEDULED": "scheduled",
            "PROCESSING": "processing",
            "DELIVERED": "delivered",
            "UNDELIVERABLE": "undeliverable",
            "PERMANENT_ERROR": "permanenterror",
        }

    @pytest.mark.parametrize("member", DeliveryStatus)
    def test_equals_its_word_whatever_the_case_and_the_side(self, member: DeliveryStatus) -> None:
        for word in (member.value, member.value.upper(), member.value.title(), member.value.swapcase()):
            assert member == word
            assert word == member
            assert not member != word  # noqa: SIM202 - both operators are tested
            assert not word != member  # noqa: SIM202

    @pytest.mark.parametrize("member", DeliveryStatus)
    @pytest.mark.parametrize("other", ["", "read", "deliveredx", None, 1, b"delivered", Outcome.NOT_FOUND])
    def test_differs_from_anything_else(self, member: DeliveryStatus, other: object) -> None:
        assert member != other
        assert other != member
        assert not member == other  # noqa: SIM201 - both operators are tested

    def test_members_differ_from_each_other(self) -> None:
        assert DeliveryStatus.DELIVERED != DeliveryStatus.UNDELIVERABLE
        assert len(set(DeliveryStatus)) == 5

    @pytest.mark.parametrize("word", ["DELIVERED", "Delivered", "delivered"])
    def test_is_made_of_its_word_whatever_the_case(self, word: str) -> None:
        assert DeliveryStatus(word) is DeliveryStatus.DELIVERED

    @pytest.mark.parametrize("word", ["read", "", None, 1, b"delivered"])
    def test_is_not_made_of_anything_else(self, word: Any) -> None:
        with pytest.raises(ValueError, match="is not a valid DeliveryStatus"):
            DeliveryStatus(word)

    def test_is_found_by_its_word_in_a_dict_and_survives_pickling(self) -> None:
        words: dict[str, int] = {DeliveryStatus.DELIVERED: 1}
        assert words["delivered"] == 1
        assert pickle.loads(pickle.dumps(DeliveryStatus.DELIVERED)) is DeliveryStatus.DELIVERED

    def test_equals_the_text_of_an_answer_that_is_kept_as_it_came(self) -> None:
        answer = status("Delivered")
        assert answer.delivery_status == DeliveryStatus.DELIVERED
        assert str(answer.delivery_status) == "Delivered"


class TestEndsOfSmsbat:
    def test_are_three_words(self) -> None:
        assert TERMINAL == ENDS

    @pytest.mark.parametrize("word", ENDS)
    def test_are_known_whatever_the_case(self, word: str) -> None:
        for spelled in (word, word.upper(), word.title()):
            answer = status(spelled)
            assert answer.outcome is ENDS[word]
            assert answer.is_terminal is True
            assert answer.is_lasting is True

    @pytest.mark.parametrize("word", NO_ENDS)
    def test_are_nothing_else(self, word: str) -> None:
        answer = status(word)
        assert answer.outcome is None
        assert answer.is_terminal is False
        assert answer.is_lasting is False

    @given(st.text())
    def test_no_word_raises(self, word: str) -> None:
        answer = status(word)
        assert answer.is_terminal is (word.lower() in ENDS)
        assert answer.delivery_status == word


class TestEndsOfZns:
    @pytest.mark.parametrize(
        ("number", "outcome", "terminal", "lasting"),
        [
            (1, Outcome.DELIVERED, True, True),
            (0, None, False, False),
            (-1, Outcome.NOT_FOUND, True, False),
            (2, None, False, False),
            (-2, None, False, False),
            (10**30, None, False, False),
        ],
    )
    def test_are_1_and_minus_1(
        self, number: int, outcome: Outcome | None, terminal: bool, lasting: bool
    ) -> None:
        answer = ZnsStatus(message_id="abc", status=number)
        assert answer.outcome is outcome
        assert answer.is_terminal is terminal
        assert answer.is_lasting is lasting
        assert answer.status == number

    def test_are_a_table(self) -> None:
        assert ZNS_TERMINAL == {1: Outcome.DELIVERED, -1: Outcome.NOT_FOUND}


class TestStatusValues:
    def test_everything_but_the_word_is_optional(self) -> None:
        answer = MessageStatus(delivery_status="scheduled")
        assert msgspec.structs.asdict(answer) == {
            "message_id": "",
            "messagelist_id": None,
            "delivery_status": "scheduled",
            "parts_count": None,
            "cost": None,
            "fallbacks": None,
            "extended_statuses": None,
            "rate": None,
            "rate_amount": None,
            "rate_currency": None,
            "bill_amount": None,
            "bill_currency": None,
        }

    def test_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            status("scheduled").delivery_status = "delivered"  # type: ignore[misc]
        with pytest.raises(AttributeError):
            ZnsStatus(message_id="abc", status=0).status = 1  # type: ignore[misc]

    def test_survive_pickling(self) -> None:
        full = MessageStatus(
            message_id="abc",
            delivery_status="delivered",
            cost=Decimal("0.05"),
            fallbacks=(Fallback("sms", "not_used"),),
            extended_statuses={"viber": "delivered"},
        )
        moment = dt.datetime(2020, 9, 17, 7, 33, 31, 517_000, tzinfo=dt.UTC)
        zns = ZnsStatus(message_id="abc", status=1, delivery_time=moment, message="ok")
        assert pickle.loads(pickle.dumps(full)) == full
        assert pickle.loads(pickle.dumps(zns)) == zns

    def test_a_result_has_either_a_status_or_an_error(self) -> None:
        answer, error = status("delivered"), NotFoundError(status_code=404)
        good: StatusResult[MessageStatus] = StatusResult("abc", answer)
        bad: StatusResult[MessageStatus] = StatusResult("abc", error=error)
        assert (good.message_id, good.status, good.error) == ("abc", answer, None)
        assert (bad.message_id, bad.status, bad.error) == ("abc", None, error)


class TestDelivery:
    @pytest.mark.parametrize("outcome", Outcome)
    def test_is_a_success_only_if_delivered(self, outcome: Outcome) -> None:
        assert delivery(outcome).success is (outcome is Outcome.DELIVERED)

    @pytest.mark.parametrize("outcome", Outcome)
    def test_is_timed_out_only_if_the_deadline_was_first(self, outcome: Outcome) -> None:
        assert delivery(outcome).timed_out is (outcome is Outcome.TIMED_OUT)

    def test_returns_itself_if_delivered(self) -> None:
        good = delivery(Outcome.DELIVERED, status("delivered"))
        assert good.raise_for_outcome() is good

    @pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.DELIVERED])
    def test_raises_itself_otherwise(self, outcome: Outcome) -> None:
        bad = delivery(outcome, status("undeliverable"))
        with pytest.raises(DeliveryFailedError, match=f"message 'abc': {outcome}") as caught:
            bad.raise_for_outcome()
        assert caught.value.delivery is bad

    def test_tells_the_exact_cost(self) -> None:
        answer = MessageStatus(message_id="abc", delivery_status="delivered", cost=Decimal("0.050"))
        cost = delivery(Outcome.DELIVERED, answer).cost
        assert str(cost) == "0.050"

    def test_has_no_cost_without_an_answer_or_with_one_of_zns(self) -> None:
        zns: Delivery[ZnsStatus] = Delivery(
            message_id="abc", outcome=Outcome.DELIVERED, status=ZnsStatus(message_id="abc", status=1)
        )
        assert delivery(Outcome.TIMED_OUT).cost is None
        assert delivery(Outcome.DELIVERED, status("delivered")).cost is None
        assert zns.cost is None

    def test_begins_with_nothing_known(self) -> None:
        blank = delivery(Outcome.TIMED_OUT)
        assert (blank.status, blank.polls, blank.elapsed, blank.source, blank.last_error) == (
            None,
            0,
            0.0,
            "poll",
            None,
        )

    def test_outcomes_have_stable_words(self) -> None:
        assert [str(outcome) for outcome in Outcome] == [
            "delivered",
            "undeliverable",
            "permanent_error",
            "not_found",
            "timed_out",
            "failed",
        ]
