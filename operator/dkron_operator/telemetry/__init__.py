"""What the operator reports about its work while it works: metrics and spans."""
