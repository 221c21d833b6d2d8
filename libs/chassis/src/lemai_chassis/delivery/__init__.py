"""The delivery core: at least once on the wire, once in effect. Read it in this order:

`engine` (a batch in one transaction) · `parking` · `consumer` (the Kafka loop) · `relay` (events out) ·
`calls` (calls out).
"""
