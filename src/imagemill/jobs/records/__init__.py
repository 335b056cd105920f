"""The rows of the jobs service and every statement on them, a module for each kind of thing."""
