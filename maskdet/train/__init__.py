"""Fine-tuning a mask classifier. Needs the extra ``train`` (TensorFlow, imgaug)."""
