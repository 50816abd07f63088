"""The only code that speaks HTTP to Kubernetes: credentials, a thin client with plain dicts, and its errors."""
