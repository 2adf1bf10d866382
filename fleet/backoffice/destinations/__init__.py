"""Where an opened dossier is handed over to be registered: one port, each sibling file one way to keep its promise."""
