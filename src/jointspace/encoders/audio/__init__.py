"""Sounds -> `Encoding`: a transformer and a CNN over log-mel frames, and any Hugging Face audio backbone."""
