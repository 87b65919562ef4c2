"""TIMELINE: the one language of predicted and measured rollouts."""
