"""What the chart is checked with: both Helms, and the tools around them, from Go modules in the cache."""
