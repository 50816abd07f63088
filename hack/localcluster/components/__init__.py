"""How each component is run: one module each, all of them functions from a layout to a `Component`."""
