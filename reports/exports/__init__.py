"""Results for other people's systems, each with its own escaping; all made from results on the disk alone."""
