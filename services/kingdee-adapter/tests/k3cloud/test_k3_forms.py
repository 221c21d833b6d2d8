"""Forms are data, checked when they are loaded; a site changes what differs there."""

from typing import Any

import pytest
from k3_world import FORMS, SITE

from kingdee_adapter.k3cloud.forms import load
from kingdee_adapter.k3cloud.site import Site
from lemai_docking.definitions.layout import DefinitionError


def changed(forms: dict[str, Any]) -> Site:
    return SITE.model_copy(update={"forms": forms})


def problem_of(forms: dict[str, Any]) -> str:
    with pytest.raises(DefinitionError) as caught:
        load(changed(forms))
    return str(caught.value)


def test_all_kinds_of_documents_have_a_form() -> None:
    kinds = {(post.interface, kind) for post in FORMS.posts for kind in post.order_types or ("",)}
    assert kinds == {
        ("deliver_order", "SALE"),
        ("deliver_order", "EXCHANGE"),
        ("deliver_order", "RESEND"),
        ("deliver_order", "ADJUST"),
        ("supplier_return_order", "SUPPLIER_RETURN"),
        ("receipt_order", "PURCHASE"),
        ("receipt_order", "ADJUST"),
        ("sales_return_order", "RETURN"),
        ("sales_return_order", "EXCHANGE"),
        ("item_master", ""),
    }


def test_all_results_have_a_form() -> None:
    assert {result.interface for result in FORMS.results.values()} == {
        "ship_result",
        "supplier_return_result",
        "receipt_result",
        "sales_return_result",
    }


def test_a_site_renames_keys_in_their_place() -> None:
    forms = load(changed({"forms": {"SAL_SaleOrder": {"head": {"FNote": None, "F_LM_Note": "remark"}}}}))
    head = list(forms.forms["SAL_SaleOrder"].head)
    assert "FNote" not in head
    assert head[-1] == "F_LM_Note"
    assert head[:-1] == [key for key in FORMS.forms["SAL_SaleOrder"].head if key != "FNote"]


def test_an_unknown_source_is_named() -> None:
    problem = problem_of({"forms": {"SAL_SaleOrder": {"head": {"FNote": "remarks"}}}})
    assert "forms.SAL_SaleOrder.FNote: 未知来源 / unknown source remarks" in problem


def test_an_unknown_option_is_named() -> None:
    problem = problem_of({"forms": {"SAL_SaleOrder": {"head": {"FSaleOrgId.FNumber": "$organisation"}}}})
    assert "unknown source $organisation" in problem


def test_an_unknown_target_is_named() -> None:
    assert "results.PUR_MRB: 未知字段 / unknown field carrier" in problem_of(
        {"results": {"PUR_MRB": {"head": {"carrier": "FCarrierID.FNumber"}}}}
    )


def test_a_key_to_compare_must_be_written() -> None:
    assert "a key that is not written FStockId.FNumber" in problem_of(
        {"forms": {"SAL_SaleOrder": {"line": {"FStockId.FNumber": None}}}}
    )


def test_a_form_nobody_knows_is_named() -> None:
    assert "unknown form STK_Nothing" in problem_of({"results": {"PUR_MRB": {"source": "STK_Nothing"}}})


def test_a_misspelt_key_is_an_error() -> None:
    assert "FBillNumber" in problem_of({"forms": {"SAL_SaleOrder": {"FBillNumber": "x"}}})
