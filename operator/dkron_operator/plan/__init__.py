"""Decisions as functions of plain data: no clock, no network, no state of their own."""
