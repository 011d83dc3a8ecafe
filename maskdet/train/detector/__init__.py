"""Training maskdet's own detector, which finds faces and says at once how the mask sits."""
