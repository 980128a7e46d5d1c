"""A class at a time: what was handed in, graded in parallel, journalled, resumed, concluded."""
