"""Pages to look at: one file each that fetches nothing."""
