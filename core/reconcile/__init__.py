"""What participants send back, against ours."""
