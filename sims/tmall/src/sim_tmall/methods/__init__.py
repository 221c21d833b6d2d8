"""The TOP methods this platform answers; importing the modules declares them."""

from sim_tmall.methods import items, logistics, receivers, sellers, stock, trades
from sim_tmall.methods.base import METHODS

__all__ = ["METHODS", "items", "logistics", "receivers", "sellers", "stock", "trades"]
