"""Money shown: sums, pictures and tables of what was traced, and the sheets to ask services with."""
