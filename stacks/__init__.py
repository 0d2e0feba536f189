"""Infrastructure: CDK stacks and constructs.

Of the product it imports `muster.contracts`, `muster.errors` and `muster.manifest` only.
"""
