"""Lines of text, in and out."""
