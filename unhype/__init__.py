"""UnHype: one hypernetwork that makes a text-to-image diffusion model forget.

Nothing heavy is imported here: Metaflow imports this package at the start of every task and for every ``--help``.
"""

__version__ = "0.1.0"
