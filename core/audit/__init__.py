"""Proves a ledger: its chain, its books, its identities, and that everything came."""
