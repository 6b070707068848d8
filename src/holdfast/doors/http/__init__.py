"""The door for the world: HTTP."""
