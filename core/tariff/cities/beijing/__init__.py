"""The figures of the Beijing metro: stations.csv, links.csv and fares.toml; data, no code.

Carried over into this layout by `bench/carry_beijing.py` from the data of Yihe Li's
Beijing-Subway-Tools (MIT), as of July 2026: inter-station distances, fare steps and virtual
transfers. The main network is all of it but the two airport lines and the two tram lines, which
have fares of their own: 403 stations, so 403 * 402 = 162,006 pairs.
"""
