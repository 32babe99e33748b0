"""Cost of the product compared with its peers and budgets; see docs/performance.md."""
