"""Reports: what a model does, in pictures and figures, on test.

Belongs here: contact sheets (`pictures`), curves (`charts`), the self-contained page (`page`), and one module per family of
reports that says what goes into them. Figures are computed in `metrics` and `evaluation`.
"""
