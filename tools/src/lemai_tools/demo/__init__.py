"""The main job on real input: items, trades, stock and money, judged by what both ends recorded themselves."""
