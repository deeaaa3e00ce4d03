"""The enums of numbers.pxd, for Python too."""
