"""GTFS feeds with fares, checked by name and compiled to the arrays of a tariff."""
