"""The K/3 Cloud WebAPI as a channel: our documents become bills there, its approved bills become our actuals."""
