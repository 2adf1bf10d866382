"""The operator's work on whom the boxes believe: lists in, a trust bundle out. Runs by hand, never in a process of a box."""
