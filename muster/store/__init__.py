"""The run ledger and the registry in Postgres."""
