"""One blueprint for each thing the clerk does."""
