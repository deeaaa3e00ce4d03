"""The server: its process, its services, and what clients may hold open."""
