"""Decimals of currencies, and amounts of them."""

import pytest

from onecard.core.tariff.currency import decimals, format_amount, minor_digits, parse_amount


@pytest.mark.parametrize(
    ("code", "digits"),
    [("JPY", 0), ("CNY", 2), ("BGN", 2), ("KWD", 3), ("CLF", 4), ("cny", None), ("XXX", None)],
)
def test_digits(code: str, digits: int | None) -> None:
    assert minor_digits(code) == digits


@pytest.mark.parametrize(
    ("text", "digits", "amount"),
    [
        ("2.50", 2, 250),
        ("-2.5", 2, -250),
        ("2", 2, 200),
        ("-0.00", 2, 0),
        ("2.505", 2, None),
        ("2.5000", 2, 250),
        ("500", 0, 500),
        ("500.0", 0, 500),
        ("500.5", 0, None),
        ("1.234", 3, 1234),
        ("9999999999.99", 2, 999999999999),
        ("10000000000.00", 2, None),
        ("", 2, None),
        (".5", 2, None),
        ("1e3", 2, None),
        ("+1", 2, None),
        ("1,50", 2, None),
        ("٣", 2, None),
        ("1.00\n", 2, None),
    ],
)
def test_amounts(text: str, digits: int, amount: int | None) -> None:
    assert parse_amount(text, digits) == amount


@pytest.mark.parametrize(
    ("amount", "digits", "text"),
    [(250, 2, "2.50"), (-5, 2, "-0.05"), (500, 0, "500"), (1234, 3, "1.234"), (0, 2, "0.00")],
)
def test_written_again(amount: int, digits: int, text: str) -> None:
    assert format_amount(amount, digits) == text
    assert parse_amount(text, digits) == amount
    assert decimals(text) == digits
