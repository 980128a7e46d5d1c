"""What is tested: layer declarations, checks, known mistakes, points."""
