"""The periodic work: rescue what was lost, send again what nothing carries, bury and measure."""
