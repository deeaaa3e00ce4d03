"""A generated day: made up, the same from the same seed, shaped after published figures."""
