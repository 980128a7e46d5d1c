"""The solved assignments that gradmark grades against."""
