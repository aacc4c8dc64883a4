"""What is an example's own: its table, its model and its metrics, one module each."""
