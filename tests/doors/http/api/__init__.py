"""The API, noun by noun."""
