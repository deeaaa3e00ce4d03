"""One batch, row by row."""
