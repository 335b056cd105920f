"""The rows of the users service and every statement on them, a module for each thing kept."""
