"""`make demo`: the sandbox's vendors into a warehouse, and edited records back."""
