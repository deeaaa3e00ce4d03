"""Tariffs that come with onecard: a folder a city, data and no code."""
