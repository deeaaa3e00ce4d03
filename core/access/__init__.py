"""Who acts, and whether that one may."""
