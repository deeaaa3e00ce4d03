"""What one tap does."""
