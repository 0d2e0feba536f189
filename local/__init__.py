"""The one-machine cloud: an embedded Postgres and an AWS emulator under one supervisor."""
