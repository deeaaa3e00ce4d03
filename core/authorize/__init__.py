"""The running core: what waits, the engine that decides, and the threads around it."""
