"""Tools: how they are declared, checked and run."""
