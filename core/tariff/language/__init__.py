"""The language of tariffs: a folder of TOML and CSV, read, checked and compiled."""
