"""Who somebody is: users, sessions, API keys, roles and organisations."""
