"""Adapters of the ports in `muster.ports` to SQS, S3 and Secrets Manager, by boto3, loaded at first use."""
