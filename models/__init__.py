"""Trained networks: their definition, training, weights and cards."""
