"""What the product costs beside its peers and its budgets; see docs/performance.md."""
