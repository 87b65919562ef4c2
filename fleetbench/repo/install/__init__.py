"""How Flux itself is installed: its controllers, their flags and shards, by bootstrap or by flux-operator."""
