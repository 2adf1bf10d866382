"""Speed, measured and never asserted: each figure beside a peer in the same run."""
