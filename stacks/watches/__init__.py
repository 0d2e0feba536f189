"""What of a stage is watched, component by component: the alarm set."""
