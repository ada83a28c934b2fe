"""What an operator does to a site now and then: migrate, look at events, back up, restore, upgrade PostgreSQL."""
