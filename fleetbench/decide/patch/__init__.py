"""Changes written into a user's files: minimal edits of the text, comments and layout kept."""
