"""A whole small world on one machine: fleet, recipient, one box with simulated devices, and its town hall."""
