"""Entries as they stand in a block, to and from the one form in memory."""
