"""How problems are solved: compiled search, CP-SAT and SCIP. Never a deep-learning framework."""
