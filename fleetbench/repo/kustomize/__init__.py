"""Builds of the repository's paths as kustomize-controller makes them, variables filled in."""
