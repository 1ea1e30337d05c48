"""What is on record, in the formats of others: ``fullcircle audit export FORMAT``.

Belongs here: a module for each format, which has all that is peculiar to it, and a line for it in `commands.FORMATS`.
Does not belong here: what is on record (`store`), following it to what it was made from (`lineage`).
"""
