"""What the operator tells about its work while it works: metrics and spans."""
