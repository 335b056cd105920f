"""The rows of the notifier and every statement on them."""
