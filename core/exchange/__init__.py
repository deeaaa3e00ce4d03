"""What goes to participants: details and files of a window."""
