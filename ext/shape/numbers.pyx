"""The enums of outcome.pxd, for Python too."""
