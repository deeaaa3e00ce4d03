"""Files of taps that others recorded, read into columns and given an identity that stays."""
