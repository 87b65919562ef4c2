"""What objects cannot do without, and who brings it."""
