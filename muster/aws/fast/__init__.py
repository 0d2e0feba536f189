"""SQS without botocore's price for each call: its JSON protocol, spoken over kept connections.

botocore still says where SQS is, who we are and which certificates count; what it does anew for each call
(serialising by model, a signature from nothing, events, urllib3) is done here once, or not at all.
`FastSqs` takes the place of a boto3 client in `muster.aws.sqs.Queues` and raises what that would raise.
"""
