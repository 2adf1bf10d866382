"""What the fleet publishes for every box. It signs and hands out bytes, and does not know what is in them."""
