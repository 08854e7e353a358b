"""Side-by-side measurements: suites of instances, peers to compare with, a runner and a report."""
