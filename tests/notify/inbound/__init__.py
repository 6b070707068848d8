"""Answers from outside: believed when they are real, refused when they are not."""
