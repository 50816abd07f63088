"""Translation between Dkron's JSON and the custom resources, in both directions: functions of plain data."""
