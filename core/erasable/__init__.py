"""The erasable store: what may have to be forgotten, beside the journal and never in it."""
