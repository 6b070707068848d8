"""How people are asked and told outside the console, and how their answers come back."""
