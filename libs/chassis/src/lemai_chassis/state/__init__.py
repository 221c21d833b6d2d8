"""State as handlers see it (`unit_of_work`) and as PostgreSQL keeps it (`aggregates`)."""
