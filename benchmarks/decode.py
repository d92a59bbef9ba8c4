"""Reading answers: the SDK's `read_status` beside json with a dataclass and a bare msgspec decoder."""

import dataclasses
import gc
import json
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from benchmarks import machine
from benchmarks.contenders import API_KEY, Answer
from benchmarks.server import BASIC, EXTENDED, body_of
from benchmarks.table import Report, Spread, Table
from smsbat_async.http import LowerHeaders, Response
from smsbat_async.vendors.smsbat import SmsBat

SHAPES = {"basic": BASIC, "extended": EXTENDED}
NAMES = {
    "messageId": "message_id",
    "messagelistId": "messagelist_id",
    "deliverystatus": "delivery_status",
    "partscount": "parts_count",
    "cost": "cost",
    "fallbacks": "fallbacks",
    "extendedStatuses": "extended_statuses",
    "rate": "rate",
    "rateAmount": "rate_amount",
    "rateCurrency": "rate_currency",
    "billAmount": "bill_amount",
    "billCurrency": "bill_currency",
}


class Size(NamedTuple):
    """How much is measured.

    Args:
        answers: How many are read in a row.
        repeats: How often, in one round.
        rounds: How often each reader has its turn.
    """

    answers: int = 1_000
    repeats: int = 20
    rounds: int = 15


QUICK = Size(repeats=5, rounds=7)


@dataclasses.dataclass
class Plain:
    """The same fields, as a dataclass."""

    message_id: str
    delivery_status: str
    messagelist_id: int | None = None
    parts_count: int | None = None
    cost: Decimal | None = None
    fallbacks: list[dict[str, str]] | None = None
    extended_statuses: dict[str, str] | None = None
    rate: Decimal | None = None
    rate_amount: Decimal | None = None
    rate_currency: str | None = None
    bill_amount: Decimal | None = None
    bill_currency: str | None = None


class Item(NamedTuple):
    """An answer, ready for each reader."""

    message_id: str
    body: bytes
    response: Response


def items(shape: str, count: int) -> list[Item]:
    """Return answers in one of the two documented shapes."""
    made = []
    for number in range(count):
        message_id = f"{0xABC123DEF456 + number:012x}"
        body = body_of(message_id, shape)
        made.append(Item(message_id, body, Response(200, LowerHeaders(), body)))
    return made


Reader = Callable[[Sequence[Item]], list[Any]]


def readers() -> dict[str, Reader]:
    """Return the ways to read answers; the first is what the others are compared to."""
    decode = msgspec.json.Decoder(Answer).decode
    read_status = SmsBat(api_key=API_KEY).read_status

    def plain(body: bytes) -> Plain:
        parsed = json.loads(body, parse_float=Decimal)
        return Plain(**{NAMES[key]: value for key, value in parsed.items() if key in NAMES})

    return {
        "msgspec decoder": lambda items: [decode(item.body) for item in items],
        "SmsBat.read_status": lambda items: [read_status(item.response, item.message_id) for item in items],
        "json + dataclass": lambda items: [plain(item.body) for item in items],
    }


def run(size: Size) -> Report:
    """Measure, and return what was found."""
    table = Table(
        f"Reading {size.answers:,} answers: median (min..max) of {size.rounds} rounds of {size.repeats}",
        ("answer", "reader", "CPU us/answer", "x msgspec"),
    )
    rows = []
    for label, shape in SHAPES.items():
        taken = _measure(items(shape, size.answers), size)
        base = next(iter(taken.values()))
        for name, micros in taken.items():
            ratio = Spread.of_ratios(base, micros)
            table.add(label, name, Spread.of(micros).text(2), ratio.text(2))
            rows.append(
                {"answer": label, "reader": name, "cpu_us": micros, "ratio_to_msgspec": ratio._asdict()}
            )
    table.notes = ["Amounts are Decimal everywhere. Ratios are of speed; above 1 is better than the decoder."]
    return Report("decode", table, {"machine": machine.describe(), "size": size._asdict(), "rows": rows})


def _measure(given: list[Item], size: Size) -> dict[str, list[float]]:
    """Return microseconds of CPU per answer, of each reader in each round."""
    taken: dict[str, list[float]] = {name: [] for name in readers()}
    turns = list(readers().items())
    for _ in range(size.rounds):
        for name, read in turns:
            gc.collect()
            began = time.process_time()
            for _ in range(size.repeats):
                read(given)
            spent = time.process_time() - began
            taken[name].append(1e6 * spent / (size.repeats * len(given)))
        turns.append(turns.pop(0))
    return taken
