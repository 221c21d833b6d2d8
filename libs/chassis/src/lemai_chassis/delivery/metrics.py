"""What the delivery core counts."""

from prometheus_client import Counter, Gauge, Histogram

HANDLER_SECONDS = Histogram("lemai_handler_seconds", "Time in one handler", ["type"])
BATCH_RECORDS = Histogram("lemai_batch_records", "Records in a batch", buckets=(1, 5, 20, 50, 100, 200, 500))
SKIPPED = Counter("lemai_skipped", "Messages of a type this service does not take", ["type"])
DUPLICATES = Counter("lemai_duplicates", "Messages that had been taken before")
CONFLICTS = Counter("lemai_conflicts", "Transactions run again after a conflict")
OUTBOX_AGE_SECONDS = Gauge("lemai_outbox_age_seconds", "Age of the oldest unpublished event")
PUBLISHED = Counter("lemai_published", "Events published", ["topic"])
CALLS = Counter("lemai_outbound_calls", "Outbound calls by how they ended", ["kind", "outcome"])
CONSUMER_LAG = Gauge("lemai_consumer_lag", "Records not yet taken", ["topic", "partition"])
