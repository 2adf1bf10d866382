"""Steps of a station: check → do → verify, one file each (docs/how-to/add-a-step.md)."""
