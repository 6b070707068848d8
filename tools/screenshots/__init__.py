"""Pictures of the console: a week at the support desk, and a browser that looks at it."""
