"""PREDICTION: many samples of a scenario -> a distribution, and the sample in its middle in full."""
