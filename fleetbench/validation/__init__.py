"""VALIDATION: predictions held against measured runs."""
