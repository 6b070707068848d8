"""What is remembered beyond one execution."""
