"""How many decimals a currency has, and amounts of it as whole minor units.

A table of ours and no library: the codes are facts, few, and change once a year. Source: ISO 4217,
list one, as the maintenance agency (SIX) published it on 2026-01-01. Codes that were withdrawn
after 2022 stand too, since feeds and tariffs of those days name them. Metals, bond units and test
codes are no money that a fare is paid in, and are left out.
"""

from __future__ import annotations

import re

AMOUNT_DIGITS_MAX = 12  # of whole and part together: more than the rating function takes

# Decimals -> codes.
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
        "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
        "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
        "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_WITHDRAWN = "ANG BGN HRK SLL ZWL"  # two decimals each

_DIGITS = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
_DIGITS |= dict.fromkeys(_WITHDRAWN.split(), 2)
_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?", re.ASCII)


def minor_digits(code: str) -> int | None:
    """Decimals of a currency, as 0 of JPY, 2 of CNY, 3 of KWD; None where there is no such code."""
    return _DIGITS.get(code)


def parse_amount(text: str, digits: int) -> int | None:
    """Minor units of a decimal such as `-2.50`; trailing zeros beyond `digits` are none.

    None where it is no such number, has parts of a minor unit, or more than AMOUNT_DIGITS_MAX
    digits.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    sign, whole, part = found[1], found[2], (found[3] or "").rstrip("0")
    if len(part) > digits:
        return None
    minor = (whole + part.ljust(digits, "0")).lstrip("0")
    if len(minor) > AMOUNT_DIGITS_MAX:
        return None
    amount = int(minor or "0")
    return -amount if sign else amount


def decimals(text: str) -> int:
    """How many digits stand behind the point."""
    return len(text.partition(".")[2])


def format_amount(amount: int, digits: int) -> str:
    """Minor units as people read them: 250 of CNY is `2.50`."""
    if digits == 0:
        return str(amount)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{part:0{digits}d}"
