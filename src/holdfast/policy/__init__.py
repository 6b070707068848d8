"""What may happen, how often, how long, and who must agree."""
