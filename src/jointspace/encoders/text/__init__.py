"""Text encoders: Hugging Face backbones, a transformer from scratch, a bag of tokens, a bag of n-grams."""
