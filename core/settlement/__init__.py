"""Windows: closing them, and what is in one."""
