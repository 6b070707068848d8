"""Turn after turn: sense, think, decide, act, learn."""
