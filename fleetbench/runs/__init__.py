"""RUNS: rollouts on disk - trace files and run folders - read into one type, cut ones as far as they go."""
