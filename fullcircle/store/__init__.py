"""Objects under their content hash, the ledger of what was made, tables, and versions of code."""
