"""What Prometheus scrapes from the API: the state of a tenant's agents and jobs."""
