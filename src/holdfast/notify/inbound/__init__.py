"""Answers from outside: who sent them, how fresh they are, and what they say. Nothing here decides or does anything."""
