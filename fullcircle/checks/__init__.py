"""What must hold of a stored object or a drawing class before anything is built on it."""
