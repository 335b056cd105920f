"""The rows of the users service and every statement on them."""
