"""A profile that extends a built-in one says only what it has otherwise."""

from lemai_docking.definitions.profile import built_in


def test_an_extending_profile_replaces_lists_and_keeps_the_rest() -> None:
    default, masked = built_in("kingdee-default"), built_in("kingdee-masked")

    columns = masked.interfaces["deliver_order"].columns
    added = set(columns["O"]) - set(default.interfaces["deliver_order"].columns["O"])
    assert {column.field for column in added} == {"original_order_no", "receiver_oaid"}
    assert columns["L"] == default.interfaces["deliver_order"].columns["L"]
    others = masked.interfaces.keys() - {"deliver_order", "supplier_return_order"}
    assert {name: masked.interfaces[name] for name in others} == {name: default.interfaces[name] for name in others}
