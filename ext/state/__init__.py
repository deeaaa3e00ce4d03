"""What is true now: tables that are a function of the journal."""
