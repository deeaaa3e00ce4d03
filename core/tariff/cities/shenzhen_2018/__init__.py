"""The figures of Shenzhen in 2018: tariff.toml; data, no code.

Shares, brackets and the 40 fen of a transfer within 90 minutes are those of the card's offers that
jxip.net/2022/4454.html repeats; the taps of the city's open data (29200_00403601, 2018-08-31 and
2018-09-01, by way of geekyouth/SZT-bigdata) agree with them to the fen, which also says that what
is less than a fen is dropped. The year is that of the taps; when the offers began is not known.
All 59 rides with 华程交通 in a sample of 10,000 rows are charged in full, which is taken for that
operator's rule: it is a network without discounts. A card that is charged nothing for a fare is of
class `free`; who is given one the sources do not say.

Same station: in that sample 171 rides that end where they began cost nothing, and 35 cost their
fare. Neither the time in between (0 to 6,427 s and 7 to 760 s) nor anything else in a tap parts
them, so that no grace is known, and the key `same_station` is left out rather than invented. Fares
by distance are not here either: a terminal says the face fare. A student's card has no transfer:
the source names transfers beside the offers of the ordinary card, and the sample has none. Codes
on a telephone have other offers (none on the metro, none when one changes to it), and are not
here. Who bears a discount is not known; the operator is named.
"""
