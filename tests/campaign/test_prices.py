"""What a part costs, by the beginning of the number."""

import decimal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async import ConfigurationError
from smsbat_async.campaign.prices import PriceTable
from smsbat_async.errors import SourceError

PRICES: dict[str, str | int | Decimal] = {"380": "0.035", "+38067": Decimal("0.041"), "1": 2}


def test_the_longest_beginning_counts() -> None:
    table = PriceTable(PRICES, currency="EUR")
    assert table.price("+380501234567") == Decimal("0.035")
    assert table.price("+380671234567") == Decimal("0.041")
    assert table.price("+12025550123") == 2
    assert table.price("+447700900123") is None
    assert (len(table), table.currency) == (3, "EUR")


def test_a_cost_is_exact_whatever_the_context_of_the_caller() -> None:
    table = PriceTable({"380": "0.123456789"}, currency="UAH")
    with decimal.localcontext(prec=3):
        assert table.cost("+380501234567", 7) == Decimal("0.864197523")
        assert table.cost("+447700900123", 7) is None


@given(st.dictionaries(st.from_regex(r"[1-9][0-9]{0,6}", fullmatch=True), st.integers(0, 999), min_size=1))
def test_the_price_is_that_of_the_longest_beginning_there_is(prices: dict[str, int]) -> None:
    table = PriceTable(prices, currency="EUR")
    for phone in ["+380501234567", *(f"+{prefix}00000" for prefix in prices)]:
        fitting = [prefix for prefix in prices if phone[1:].startswith(prefix)]
        assert table.price(phone) == (prices[max(fitting, key=len)] if fitting else None)


@pytest.mark.parametrize(
    ("prefix", "price", "said"),
    [
        ("", "1", r"prices\[''\].*prefix"),
        ("0380", "1", "prefix"),
        ("380x", "1", "prefix"),
        ("3" * 16, "1", "prefix"),
        (380, "1", "prefix"),
        ("380", 0.035, r"prices\['380'\].*exact"),
        ("380", True, "exact"),
        ("380", None, "exact"),
        ("380", "-1", "0 or more"),
        ("380", "0,035", "with a point"),
        ("380", "1e-3", "with a point"),
        ("380", "", "0 or more"),
        ("380", "0.0000000001", "0 or more"),
        ("380", Decimal("NaN"), "0 or more"),
        ("380", Decimal(-1), "0 or more"),
        ("380", Decimal("1E+999999"), "0 or more"),
        ("380", Decimal("1E-999999"), "0 or more"),
        ("380", 10**5_000, "0 or more"),
    ],
    ids=lambda value: repr(value)[:12] if not isinstance(value, int) else f"{type(value).__name__}",
)
def test_a_wrong_entry_is_named(prefix: Any, price: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        PriceTable({"44": "1", prefix: price}, currency="EUR")


def test_small_decimals_are_taken_as_they_are() -> None:
    assert PriceTable({"380": Decimal("1E-7")}, currency="EUR").price("+380501234567") == Decimal("0.0000001")


def test_one_beginning_has_one_price() -> None:
    with pytest.raises(ConfigurationError, match="380 has a price already"):
        PriceTable({"380": "1", "+380": "2"}, currency="EUR")


@pytest.mark.parametrize("currency", ["eur", "EURO", "", None, "€"])
def test_a_currency_is_three_capital_letters(currency: Any) -> None:
    with pytest.raises(ConfigurationError, match="currency must be"):
        PriceTable(PRICES, currency=currency)


@pytest.mark.parametrize("prices", [{}, [], None], ids=["empty", "a list", "nothing"])
def test_a_table_has_an_entry(prices: Any) -> None:
    with pytest.raises(ConfigurationError, match="prices must be"):
        PriceTable(prices, currency="EUR")


class TestToml:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / "prices.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_prices_are_exact(self, tmp_path: Path) -> None:
        text = '\ufeffcurrency = "EUR"\n[prices]\n380 = 0.1000000001\n'.replace("0001", "001")
        table = PriceTable.from_toml(self.write(tmp_path, text))
        assert table.price("+380501234567") == Decimal("0.100000001")
        assert table.currency == "EUR"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[prices]\n380 = 1\n", r"prices\.toml: currency"),
            ('currency = "EUR"\n', r"prices\.toml: prices must"),
            ('currency = "EUR"\nprice = 1\n', "'price' is neither"),
            ('currency = "EUR"\n[prices]\n380 = [1]\n', r"prices\.toml: prices\['380'\]"),
            ('currency = "EUR"\n[prices]\n380 = nan\n', r"prices\['380'\]"),
            ('currency = "EUR"\n[prices]\n380 = 1\n380 = 2\n', "no TOML"),
            ("currency", "no TOML"),
            ("a = " + "[" * 5_000, r"nested too deeply|no TOML"),
        ],
        ids=["no currency", "no prices", "a typing error", "a list", "no number", "twice", "half", "deep"],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said) as caught:
            PriceTable.from_toml(self.write(tmp_path, text))
        assert caught.value.__context__ is None

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"none\.toml cannot be read: No such file"):
            PriceTable.from_toml(tmp_path / "none.toml")


class TestCsv:
    def read(self, folder: Path, text: str) -> PriceTable:
        path = folder / "prices.csv"
        path.write_text(text, encoding="utf-8")
        return PriceTable.from_csv(path, currency="USD")

    def test_prices_are_exact(self, tmp_path: Path) -> None:
        table = self.read(tmp_path, "country;prefix;price\nUkraine;380;0.035\nKyivstar;+38067;0.041\n")
        assert table.price("+380671234567") == Decimal("0.041")
        assert (len(table), table.currency) == (2, "USD")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("prefix,cost\n380,1\n", "columns prefix and price"),
            ("prefix,price\n380,1\n44\n", r"prices\.csv, line 3"),
            ("prefix,price\n380,1\nabc,1\n", r"prices\.csv, line 3: the prefix"),
            ("prefix,price\n380,free\n", r"prices\.csv, line 2: the price"),
            ("prefix,price\n380,1\n44,1\n+380,2\n", r"line 4: 380 has a price on line 2 already"),
            ("prefix,price\n", r"prices\.csv: prices must"),
            ("", "is empty"),
        ],
        ids=["columns", "ragged", "prefix", "price", "twice", "no rows", "empty"],
    )
    def test_what_is_wrong_is_named_with_its_line(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            self.read(tmp_path, text)
