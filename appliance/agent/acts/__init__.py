"""What a box does on order: one order kind, one file (docs/how-to/add-an-order.md)."""
