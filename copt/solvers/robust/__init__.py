"""Two-stage robust optimisation."""
