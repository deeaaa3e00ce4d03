"""Riders, media and products: what may be paid, by whom, with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onecard.core.errors import quoted
from onecard.core.tariff.currency import decimals, format_amount, minor_digits, parse_amount
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.reading import Feed
from onecard.core.tariff.notice import listed

ANY = -1
CATEGORIES_MAX = 254  # one byte of a rider's row says which; one is kept for a rider of none
MEDIA_MAX = 255
PRODUCTS = "fare_products.txt"


@dataclass(frozen=True, slots=True)
class Product:
    """A row: `number` from 1, `amount` in minor units of `currency`."""

    id: str
    name: str
    number: int
    line: int
    rider_class: int
    media: int
    amount: int
    currency: str


Products = dict[str, list[Product]]  # by id, in the order of the file


def add_riders(making: Making) -> dict[str, int]:
    """The number of each category, from 0; `words` and the header have the default."""
    feed, file = making.feed, "rider_categories.txt"
    numbers: dict[str, int] = {}
    defaults: list[int] = []
    words: list[dict[str, str]] = []
    columns = ("rider_category_id", "rider_category_name", "is_default_fare_category")
    for line, (name, said, default) in feed.each(file, *columns):
        if len(numbers) == CATEGORIES_MAX:
            found = f"expected at most {CATEGORIES_MAX} categories"
            feed.notices.error("too_many", file, line, found, "leave out those no product names")
            break
        numbers[name] = len(numbers)
        words.append({"id": name, "name": said or name})
        if default == "1":
            defaults.append(numbers[name])
        making.building.add("classes")
    if not defaults and len(numbers) == 1:
        defaults.append(0)
    if not defaults:  # of a rider of whom nothing is said only products without a category are true
        defaults.append(len(words))
        words.append({"id": "", "name": ""})
        making.building.add("classes")
    making.building.words["classes"] = words
    making.building.words["default_class"] = defaults[0]
    if len(defaults) > 1:
        names = listed(words[at]["id"] for at in defaults)
        found = f"found {len(defaults)} default categories, {names}"
        feed.notices.warning("default_ambiguous", file, 0, found, "the first is taken; leave one")
    return numbers


def add_media(making: Making) -> dict[str, int]:
    """The number of each medium, from 1."""
    feed, file = making.feed, "fare_media.txt"
    numbers: dict[str, int] = {}
    words: list[dict[str, str]] = []
    for line, (name, said) in feed.each(file, "fare_media_id", "fare_media_name"):
        if len(numbers) == MEDIA_MAX:
            found = f"expected at most {MEDIA_MAX} media"
            feed.notices.error("too_many", file, line, found, "leave out those no product names")
            break
        numbers[name] = len(numbers) + 1
        words.append({"id": name, "name": said or name})
    making.building.words["media"] = words
    return numbers


def read_products(making: Making, riders: dict[str, int], media: dict[str, int]) -> Products:
    """Each row whose amount can be counted; `words["products"]` has them in order."""
    feed = making.feed
    products: Products = {}
    words: list[dict[str, Any]] = []
    of_legs, of_transfers = feed.ids["product of legs"], feed.ids["product of transfers"]
    columns = ("fare_product_id", "fare_product_name", "rider_category_id", "fare_media_id")
    for line, row in feed.each(PRODUCTS, *columns, "amount", "currency"):
        name, said, rider, medium, text, currency = row
        amount = read_amount(feed, PRODUCTS, line, text, currency)
        if amount is None:
            continue
        if amount < 0 and (name in of_legs or name not in of_transfers):
            found = f"expected less than 0 only of a product of transfers alone, found {text}"
            feed.notices.error("negative_amount", PRODUCTS, line, found, "mend the amount")
            continue
        one = Product(
            name,
            said or name,
            len(words) + 1,
            line,
            riders.get(rider, ANY) if rider else ANY,
            media.get(medium, ANY) if medium else ANY,
            amount,
            currency,
        )
        products.setdefault(name, []).append(one)
        words.append({"id": name, "name": one.name, "class": rider, "media": medium, "line": line})
    making.building.words["products"] = words
    for name, rows in products.items():
        if name not in of_legs and name not in of_transfers:
            found = f"found product {quoted(name)}, which no rule names"
            feed.notices.warning(
                "product_unused", PRODUCTS, rows[0].line, found, "it has no effect"
            )
    _check_defaults(feed, products)
    return products


def read_amount(feed: Feed, file: str, line: int, text: str, currency: str) -> int | None:
    """Minor units, as many decimals as ISO 4217 gives the currency; None where it is at fault."""
    digits = minor_digits(currency)
    if digits is None:
        found = f"expected a currency of ISO 4217 as PLN, found {quoted(currency)}"
        feed.notices.error("unknown_currency", file, line, found, "write its code in capitals")
        return None
    amount = parse_amount(text, digits)
    if amount is None:
        found = f"expected an amount with {digits} decimals of {currency}, found {quoted(text)}"
        do = f"write it with digits and a point alone, as {format_amount(150, digits)}"
        feed.notices.error("wrong_amount", file, line, found, do)
        return None
    if decimals(text) != digits:
        found = f"expected {digits} decimals of {currency}, found {quoted(text)}"
        feed.notices.warning("decimals", file, line, found, "write all of them and no more")
    return amount


def _check_defaults(feed: Feed, products: Products) -> None:
    """Of the categories that one product is for, exactly one is the default."""
    columns = ("rider_category_id", "is_default_fare_category")
    file = "rider_categories.txt"
    defaults = [flag == "1" for _, (_, flag) in feed.each(file, *columns)]
    for name, rows in products.items():
        eligible = {row.rider_class for row in rows if row.rider_class != ANY}
        count = sum(at < len(defaults) and defaults[at] for at in eligible)
        if len(eligible) > 1 and count != 1:
            found = (
                f"expected one default among the {len(eligible)} categories of product "
                f"{quoted(name)}, found {count}"
            )
            do = f"set is_default_fare_category of one of them in {file}"
            feed.notices.warning("default_ambiguous", PRODUCTS, rows[0].line, found, do)


def main_currency(making: Making, products: Products, first: str) -> str | None:
    """The currency that is counted: that of the first leg rule's product; others are noticed."""
    rows = products.get(first) or [row for rows in products.values() for row in rows]
    if not rows:
        return None
    main = rows[0].currency
    others = [row for of in products.values() for row in of if row.currency != main]
    if others:
        found = f"found {listed(dict.fromkeys(row.currency for row in others))} beside {main}"
        do = f"only {main} is counted, the others are listed; give each currency a feed"
        making.notices.warning("mixed_currencies", PRODUCTS, others[0].line, found, do)
    return main
