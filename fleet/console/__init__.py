"""The operators' page: reads what the rooms know, and gives orders in a person's name."""
