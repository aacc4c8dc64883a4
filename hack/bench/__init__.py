"""What the benchmarks compare the operator with, and how their figures become pages."""
