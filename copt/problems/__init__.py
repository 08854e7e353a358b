"""What is solved: instances, solutions, objectives and checkers. Numpy only."""
