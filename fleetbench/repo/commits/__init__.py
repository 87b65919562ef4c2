"""Two readings of a repository held against each other: what the commit between them changes, and what of it is refused."""
