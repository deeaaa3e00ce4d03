"""A ledger's folder: what is in it, who holds it, and the tokens of its cards."""
