"""The periodic work: fire schedules, rescue what was lost, send again what nothing carries, bury, measure."""
