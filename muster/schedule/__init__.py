"""When schedules fire: pure computation, without a database or a clock of its own."""
