"""Linhu (临湖), a city that does not exist: tariff.toml and its tables; data, no code.

Every rule, price and share in it is made up, and so are the groups' days. The running example of
docs/tariffs.md, and the tariff on which each rule of that page is proven: tests/tariff/vectors.py
has rides with amounts worked out by hand, and tests/tariff/test_mutants.py leaves out each rule,
each key and each row in turn and finds a ride that then costs something else.

The codes of cities are facts of GB/T 2260 as of October 2018. Six counties around the border of
three provinces are those that the policy papers call 一地六县, together with a place that has no
code of its own: 宜兴 320282, 溧阳 320481, 长兴 330522, 安吉 330523, 郎溪 341821, 广德 341822. The
cities of 长三角 that Linhu knows are 上海 310000, 南京 320100, 杭州 330100 and 合肥 340100; 天津
120000 and 成都 510100 stand for the list of 交通联合 (T-Union). 南京 is in two groups: the first
rule is applied.
"""
