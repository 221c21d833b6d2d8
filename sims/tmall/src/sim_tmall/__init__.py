"""A Tmall that speaks TOP: the real protocol on `/router/rest`, the simulator's own truth under `/sim`."""
