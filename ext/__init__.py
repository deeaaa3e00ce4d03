"""How a transaction is laid out, read, judged and packed."""
