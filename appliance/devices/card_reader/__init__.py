"""Readers for smart cards."""
