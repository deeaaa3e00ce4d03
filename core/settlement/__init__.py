"""Windows: closing them, their details and files, and what participants send back."""
