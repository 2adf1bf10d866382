"""The recipient's side: the only code anywhere that opens a sealed letter. Runs apart, with its own keys and store."""
