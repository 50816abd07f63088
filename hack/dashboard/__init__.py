"""The Grafana dashboard, from a table of panels: `make generate` writes it into the chart."""
