"""Nothing that Python calls."""
