"""Predict how long a Flux fleet takes to deploy, why, and what would make it shorter."""

__version__ = "0.1.0"
