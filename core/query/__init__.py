"""What is booked, for whoever asks."""
