"""One fact, one file. A probe reads one thing and returns it, or raises `ProbeFailed`; none knows another."""
