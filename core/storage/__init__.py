"""Files and environments: how they are opened, proved, made again and given back."""
