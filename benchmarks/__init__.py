"""Benchmarks: this project side by side with what a user would use instead.

Belongs here: one module per question, each with a table that shows the ratio, and the rivals. Rivals are given what they need to
do well; how is written in the result.
Does not belong here: anything that the library, the assets or the tests of these need.

    make bench                                            # all of them; each says beforehand how long it takes
    make bench BENCH=reading SET="reading.pictures=100"   # one, smaller
"""
