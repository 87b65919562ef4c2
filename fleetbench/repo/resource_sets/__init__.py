"""What flux-operator makes of ResourceSets, as far as the repository alone says it."""
