"""Card protocols without a card: bytes in, bytes out; no reader, no clock, no log.

`conversation.read_document` speaks, `verdict.judge` decides, `software.shelf.issue` makes a card that answers.
"""
