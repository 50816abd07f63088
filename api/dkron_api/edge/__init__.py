"""Applied to every request and response: limits, headers, errors, the access log."""
