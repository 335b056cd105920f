"""Accounts and keys: who is calling."""
