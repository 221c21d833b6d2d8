"""Actuals of orders that came through this face, as approved bills."""

from datetime import datetime

from sim_kingdee import wire_time
from sim_kingdee.erp import Erp
from sim_kingdee.layouts import INTERFACES
from sim_kingdee.message import Document
from sim_kingdee.webapi.approval import FACE, Site, line_numbers
from sim_kingdee.webapi.bills import Bill, Bills, Entry, Fields
from sim_kingdee.webapi.forms import BY_INTERFACE, FORMS, STOCK_STATUS, Form

_RESULTS_MAX = 500
_ORDER_OF = {INTERFACES[form.interface].answer: form for form in FORMS.values() if form.approval == "instruct"}


def bill_results(erp: Erp, bills: Bills, site: Site, now: datetime) -> None:
    """Book what is due and make a bill of every actual that has none; a mere status is told by no bill."""
    with erp.store.transaction():
        erp.confirm_due(now, _RESULTS_MAX)
        for (interface, _), actuals in erp.store.unwritten(_RESULTS_MAX, FACE).items():
            for actual_id, document in actuals:
                order = bills.find(_ORDER_OF[interface].id, bill_no=document.head.values["order_no"])
                assert order is not None
                told = order.form, order.bill_no
                if document.lines():
                    told = BY_INTERFACE[interface].id, document.head.values["out_biz_code"]
                    head, entries = _compose(BY_INTERFACE[interface], document, order, site, now)
                    bills.set_status(bills.add(*told, head, entries, now), "C", now)
                erp.store.mark_written(" ".join(told), {actual_id: 0})


def _compose(form: Form, document: Document, order: Bill, site: Site, now: datetime) -> tuple[Fields, list[Entry]]:
    actual = document.head.values
    order_form = FORMS[order.form]
    parcels = [record.values["express_no"] for record in document.children if record.tag == "P"]
    common = {"org": site.org, "owner_type": "BD_OwnerOrg"}
    head = {
        **common,
        "bill_type": form.bill_type,
        "date": f"{wire_time.wall_clock(now)[:10]}T00:00:00",
        "party": order_form.value("party", order.head),
        "carrier": actual.get("logistics_code", ""),
        "waybill": ",".join(parcels),
        "confirm_type": actual["confirm_type"],
        "note": actual.get("remark", ""),
    }
    units = {
        line_no: order_form.value("unit", entry.fields, in_entry=True)
        for line_no, entry in zip(line_numbers(order_form, order), order.entries, strict=True)
    }
    entries = [
        {
            **common,
            "material": line["item_code"],
            "unit": units.get(int(line["line_no"]), "Pcs"),
            "quantity": line["actual_qty"],
            "plan": line["plan_qty"],
            "stock": actual["warehouse_code"],
            "status": STOCK_STATUS[line["inventory_type"]],
            "lot": line.get("batch_code", ""),
            "order_no": actual["order_no"],
            "line_no": line["line_no"],
        }
        for line in (record.values for record in document.lines())
    ]
    return _by_role(form, head, in_entry=False), [Entry(0, _by_role(form, values, in_entry=True)) for values in entries]


def _by_role(form: Form, values: dict[str, str], *, in_entry: bool) -> Fields:
    return {key.name: value for role, value in values.items() for key in form.of_role(role, in_entry=in_entry) if value}
