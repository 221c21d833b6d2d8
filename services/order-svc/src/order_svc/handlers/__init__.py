"""What happens to an order, and what it makes happen: `intake` → `progress` → `fulfilment`, and people's `commands`."""
