"""Webhooks: URLs of programs that want to be told, and the secrets that sign what they are sent."""
