"""One module per engine that linnet is compared with, each a program of its own: python -m compare.contestants.NAME. See
worker.py for what they have in common."""
