"""`onecard load`: a file a kind of row."""
