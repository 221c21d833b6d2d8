"""Our events as documents, and documents as our events. Pure; Kingdee's words stay in here (kingdee.md §1)."""
