"""How people speak to us: one file a command."""
