"""Where a result comes from, and whether it is still true: walking the ledger backwards and checking it again."""
