"""Cards in software: they hold keys and files and answer commands as chips do. Not stubs.

`shelf.issue` makes one of the cards in `shelf.CardName`; `card.SoftwareCard.transmit` is its contact plate. People on
them are invented (`persona`), and so is the State that signs them (`authority`).
"""
