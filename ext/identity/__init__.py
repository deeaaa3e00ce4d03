"""Which entry bound which identity: in memory, and as pages for disk."""
