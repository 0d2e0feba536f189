"""The long-job listener: one process that takes an agent's jobs from SQS and keeps what it holds."""
