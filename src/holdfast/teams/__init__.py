"""Several agents on one task: who may be asked, with what, and what comes back."""
