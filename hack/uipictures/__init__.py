"""Pictures of the web page, with the same example each time: for the documentation, and of each view for a review."""
