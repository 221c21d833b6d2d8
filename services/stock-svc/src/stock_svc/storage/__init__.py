"""What stock-svc keeps (`rows`), the queries of its endless work (`work`) and those of its API (`search`)."""
