"""What every request passes on its way in and out: limits, headers, errors, the access log."""
