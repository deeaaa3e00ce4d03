"""The figures of Beijing: tariff.toml and its tables; data, no code.

Distances, station names and their other names, street transfers, fare steps, the grace of 99
metres and the 25 stations of low peak are carried over by `bench/carry_beijing.py` from the data
of Yihe Li's Beijing-Subway-Tools (MIT), as of July 2026. The main network is all of it but the two
airport lines and the two tram lines: 403 stations, so 403 * 403 = 162,409 fares, those from a
station to itself (300) among them. Stations 1 to 403 are numbered by line, 404 to 425 are those
that only the other networks have. Days off and worked weekend days, 2015 to 2026, are those of the
package chinesecalendar 1.11.0, after the yearly notices of the State Council.

Monthly tiers are of the operator's page (bjsubway.com/en/support/jzhc). It does not say whether a
share holds from the next ride on or from the threshold; the passengers' guide that
hjpbs.com/a/83229.html repeats (2025-08-17) says from the next ride. Airport lines do not count
(en.trackingchina.com, 2014-12-27). More than four hours in the system cost the least fare again:
ecns.cn, 2014-12-04. Line T1 of Yizhuang has the fares of the city's rail: The Beijing News,
2020-12-31; a page that gives it the fares of a bus (junyimz.com) also names a tram that does not
exist, and is not followed. Bus: the Global Times of 2014-12-28; lyq123.com/752816975 agrees.

A ride from a station to itself costs the least fare at the gate. A refund within ten minutes is
given by hand, at the counter or by whose app it was (english.beijing.gov.cn, 2024-05-23), and is
no fare. Cash and single tickets pay the full fare, on rail and on the bus: class `cash`. A
student's card has no discount of its own on rail, and half of the card's fare on the bus. Not
known, and so not here: what a card pays whose entry or exit is missing (a lost single ticket pays
the highest fare of that station), who bears a discount (the operator is named), how the operators
of rail share a fare, and what the lists were before July 2026.
"""
