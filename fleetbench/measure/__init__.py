"""MEASURE: a real cluster -> a trace. The only user of the kubernetes client, docker and kind."""
