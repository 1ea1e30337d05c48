"""Tables of pictures: examples, originals, augmented copies, splits, and batches for networks."""
