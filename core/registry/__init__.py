"""The acts that are not taps: who takes part, and by which rules."""
