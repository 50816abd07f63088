"""Notifications: messages about runs to the endpoints of an installation. Pure; `delivery/` sends."""
