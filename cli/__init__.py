"""How people speak to us: one file a command."""

import os

# Before numpy is imported: it would ask for huge pages for each large array, and clearing those
# took a quarter of a busy server's time. The tables that live long ask for themselves.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
# Before grpc is imported: what its core prints by itself goes past the log and waits for whoever
# reads standard error. It says nothing that our own line about the same does not say.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
