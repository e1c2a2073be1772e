"""Pictures -> `Encoding`: networks of our own (cnn, resnet, vit, EfficientNet-Lite0) and any Hugging Face backbone."""
