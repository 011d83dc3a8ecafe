"""Finding pictures that a data set holds more than once, and setting them aside."""
