"""Taobao and Tmall over the TOP protocol."""

from lemai_marketplace_top.plugin import create

__all__ = ["create"]
