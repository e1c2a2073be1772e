"""Encoders of graph nodes."""
