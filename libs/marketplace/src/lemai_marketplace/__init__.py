"""The marketplace plugin kit.

A plugin is a package with an entry point in the group `lemai.marketplace`, named as its platform, that points to
`create(credentials, http) -> Marketplace`. It implements the protocols its platform has (`protocols`) and proves it
with `conformance`.
"""
