"""From a picture back to the spec that draws it."""
