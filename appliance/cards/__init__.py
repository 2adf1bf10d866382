"""Card protocols without a card: bytes in, bytes out; no reader, no clock, no log.

`conversation.read_document` speaks, `verdict.judge` decides, `software_card.SoftwareCard` answers.
"""
