"""GRAPH: the fleet as objects and edges, and what follows from them. Pure: no files, no cluster, no terminal."""
