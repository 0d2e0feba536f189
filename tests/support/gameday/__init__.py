"""`make gameday`: faults are induced on the local cloud, told by alarms, and mended by their runbooks."""
