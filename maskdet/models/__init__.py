"""Finding, verifying and running trained models."""
