"""`onecard show`: a file a command."""
