"""From a picture, a film or a camera to faces with labels."""
