"""READ: a Flux repository on disk -> a fleet and findings. Nothing in it is executed."""
