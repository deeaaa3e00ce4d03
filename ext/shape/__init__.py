"""Every byte that is kept or sent, said once."""
