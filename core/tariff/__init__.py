"""Tariffs people write as data, compiled to the arrays the engine reads."""
