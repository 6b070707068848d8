"""Measures what durability costs, as ratios inside one run: `make bench`, or `python -m bench --help`."""
