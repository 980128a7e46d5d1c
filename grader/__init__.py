"""How submissions are tested: collecting, isolating, running, scoring."""

__version__ = "0.1.0"
