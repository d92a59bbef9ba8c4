"""PriceTable: what a part of an SMS costs, by the beginning of the number."""

import decimal
import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from smsbat_async.campaign.rows import BadRow
from smsbat_async.campaign.sources import CsvSource
from smsbat_async.errors import ConfigurationError, SourceError

PREFIX = re.compile(r"\+?([1-9][0-9]{0,14})", re.ASCII)
PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

DIGITS_MAXIMUM: Final = 18

EXACT: Final = decimal.Context(prec=60, traps=[decimal.Inexact, decimal.InvalidOperation])
"""Precise enough for any price in the table, times any number of parts, summed over any file."""


class PriceTable:
    """What one part of an SMS costs, by the beginning of the number; the longest beginning counts.

    Prices are exact: texts or `Decimal`, up to nine digits on either side of the point.

    Args:
        prices: The price of one part by the beginning of the number, with or without the plus, as
            `{"380": "0.035", "38067": "0.041"}`.
        currency: The ISO 4217 code of all of them, as `EUR`.

    Raises:
        ConfigurationError: If one is wrong; it names the beginning and says what would be right.
    """

    def __init__(self, prices: Mapping[str, Decimal | str | int], *, currency: str) -> None:
        self.currency = _checked_currency(currency)
        if not prices or not isinstance(prices, Mapping):
            raise ConfigurationError('prices must be a table with at least one entry: {"380": "0.035"}')
        self._prices: dict[str, Decimal] = {}
        for written, price in prices.items():
            self._add(written, price, f"prices[{written!r}]")
        self._lengths = sorted({len(prefix) for prefix in self._prices}, reverse=True)

    def __len__(self) -> int:
        return len(self._prices)

    def __repr__(self) -> str:
        return f"PriceTable({len(self)} prefixes, {self.currency})"

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Self:
        """Return the table in a TOML file: `currency = "EUR"`, and under `[prices]` lines like `380 = 0.035`.

        Args:
            path: The file.

        Raises:
            SourceError: If it cannot be read.
            ConfigurationError: If something in it is wrong.
        """
        table = _toml(Path(path))
        unknown = sorted(table.keys() - {"currency", "prices"})
        if unknown:
            raise ConfigurationError(f"{path}: {unknown[0]!r} is neither currency nor prices")
        return cls._of(str(path), table.get("prices", {}), table.get("currency"))

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], *, currency: str) -> Self:
        """Return the table in a CSV file with the columns `prefix` and `price`; others are passed over.

        Args:
            path: The file.
            currency: The ISO 4217 code of all prices, as `EUR`.

        Raises:
            SourceError: If it cannot be read.
            ConfigurationError: If something in it is wrong; it names the line.
        """
        source = CsvSource(path)
        prices: dict[str, str] = {}
        lines: dict[str, int] = {}
        for row in source.rows():
            if isinstance(row, BadRow):
                raise SourceError(f"{source.name}, line {row.line}: {row.reason}")
            if not {"prefix", "price"} <= row.fields.keys():
                raise SourceError(f"{source.name} must have the columns prefix and price")
            prefix, price = row.fields["prefix"].strip(), row.fields["price"].strip()
            digits = prefix.removeprefix("+")
            if digits in lines:
                raise ConfigurationError(
                    f"{source.name}, line {row.line}: {digits} has a price on line {lines[digits]} already"
                )
            _entry(prefix, price, f"{source.name}, line {row.line}")
            lines[digits] = row.line
            prices[digits] = price
        return cls._of(source.name, prices, currency)

    def price(self, phone: str) -> Decimal | None:
        """Return what one part costs; None if no beginning in the table fits.

        Args:
            phone: The number in E.164 form with its plus.
        """
        for length in self._lengths:
            found = self._prices.get(phone[1 : 1 + length])
            if found is not None:
                return found
        return None

    def cost(self, phone: str, parts: int) -> Decimal | None:
        """Return what a message costs if it goes out by SMS; None if no beginning in the table fits.

        Args:
            phone: The number in E.164 form with its plus.
            parts: How many parts it has.
        """
        price = self.price(phone)
        return None if price is None else EXACT.multiply(price, Decimal(parts))

    @classmethod
    def _of(cls, name: str, prices: Any, currency: Any) -> Self:
        try:
            return cls(prices, currency=currency)
        except ConfigurationError as met:
            said = str(met)
        raise ConfigurationError(f"{name}: {said}")

    def _add(self, written: object, price: object, where: str) -> None:
        prefix, value = _entry(written, price, where)
        if prefix in self._prices:
            raise ConfigurationError(f"{where}: {prefix} has a price already")
        self._prices[prefix] = value


def _checked_currency(currency: object) -> str:
    if isinstance(currency, str) and CURRENCY.fullmatch(currency):
        return currency
    raise ConfigurationError("currency must be an ISO 4217 code of three capital letters, as 'EUR'")


def _entry(written: object, price: object, where: str) -> tuple[str, Decimal]:
    """Return a beginning without its plus, and its price."""
    found = PREFIX.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ConfigurationError(f"{where}: the prefix must be the first digits of a number, as '380'")
    if isinstance(price, bool | float) or not isinstance(price, str | int | Decimal):
        raise ConfigurationError(f"{where}: the price must be a text or a Decimal, which are exact: '0.035'")
    text = _digits(price)
    if PRICE.fullmatch(text) is None:
        raise ConfigurationError(f"{where}: the price must be 0 or more, with a point: '0.035'")
    return found[1], Decimal(text)


def _digits(price: str | int | Decimal) -> str:
    """Return a price as it is written; nothing for a number so large or small that nobody writes it out."""
    if isinstance(price, str):
        return price
    number = Decimal(price)
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) <= DIGITS_MAXIMUM else ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except OSError as met:
        said = met.strerror or type(met).__name__
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as met:
        said = f"it is no TOML: {met}"
    except RecursionError:
        said = "it is nested too deeply"
    raise SourceError(f"{path} cannot be read: {said}")
