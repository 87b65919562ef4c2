"""ENGINE: scenario -> timeline, with SimPy. Knows no files, no cluster, no terminal."""
