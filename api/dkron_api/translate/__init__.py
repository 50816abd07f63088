"""Between Dkron's JSON and the custom resources, both ways: functions of plain data."""
