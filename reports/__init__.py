"""Results to pages and files; everything here is made from a `Grade` alone."""
