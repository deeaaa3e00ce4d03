"""How people speak to us: one file a command."""

import os

# Before numpy is imported: it would ask for huge pages for each large array, and clearing those
# took a quarter of a busy server's time. The tables that live long ask for themselves.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
# Before grpc is imported: it would write to standard error what we say in a line of our own.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
