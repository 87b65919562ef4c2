"""Charts that lie in the repository."""
