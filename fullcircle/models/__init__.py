"""Networks, the lists that name them, their losses, and reading them back from the store."""
