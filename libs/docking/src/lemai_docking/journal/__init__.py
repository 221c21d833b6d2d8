"""What was exchanged: files, documents, pages, quarantine. No commits in here."""
