"""Metrics as pure functions on arrays; nothing here knows of Spaces, data sets or files."""
