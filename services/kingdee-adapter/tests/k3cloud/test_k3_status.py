"""What an answer says is read from its parsed status alone (reference §3.4)."""

from typing import Any

import pytest

from kingdee_adapter.k3cloud.status import Problem, Remedy, status_of


def an_answer(**status: Any) -> dict[str, Any]:
    return {"Result": {"ResponseStatus": {"IsSuccess": False, **status}, "Id": "", "Number": ""}}


@pytest.mark.parametrize(
    ("msg_code", "remedy"),
    [
        (0, Remedy.LOOK_UP),
        (1, Remedy.REFRESH),
        (2, Remedy.REFUSED),
        (3, Remedy.REFUSED),
        (4, Remedy.LOOK_UP),
        (5, Remedy.REFUSED),
        (6, Remedy.LOOK_UP),
        (7, Remedy.REFUSED),
        (8, Remedy.REFUSED),
        (9, Remedy.REFUSED),
        (10, Remedy.REFUSED),
        (11, Remedy.REFUSED),
        (12, Remedy.REFUSED),
        (13, Remedy.RETRY),
        (14, Remedy.BACK_OFF),
        (15, Remedy.REFUSED),
        (99, Remedy.LOOK_UP),
    ],
)
def test_each_code_has_one_remedy(msg_code: int, remedy: Remedy) -> None:
    status = status_of(an_answer(MsgCode=msg_code))
    assert status is not None
    assert status.remedy is remedy


def test_an_edit_lock_is_retried_whatever_its_code() -> None:
    status = status_of(an_answer(MsgCode=11, Errors=[{"FieldName": "", "Message": "单据正在被编辑，请稍候再使用"}]))
    assert status is not None
    assert status.remedy is Remedy.RETRY


def test_codes_are_read_as_numbers_and_as_texts() -> None:
    assert status_of(an_answer(MsgCode="13")) == status_of(an_answer(MsgCode=13))


def test_success_names_the_bill() -> None:
    done = {"Id": "100123", "Number": "2611220001", "DIndex": 0}
    status = status_of({"Result": {"ResponseStatus": {"IsSuccess": True, "SuccessEntitys": [done], "MsgCode": 0}}})
    assert status is not None
    assert (status.ok, status.id, status.number) == (True, "100123", "2611220001")


def test_problems_keep_field_and_message() -> None:
    error = {"FieldName": "FBillNo", "Message": "违反字段唯一性要求：编码唯一。[2611220001]", "DIndex": 0}
    status = status_of(an_answer(MsgCode=11, Errors=[error]))
    assert status is not None
    assert status.problems == (Problem("FBillNo", "违反字段唯一性要求：编码唯一。[2611220001]"),)


def test_an_error_of_a_query_is_found_under_its_lists() -> None:
    status = status_of([[an_answer(MsgCode=9)]])
    assert status is not None
    assert status.msg_code == 9


@pytest.mark.parametrize("rows", [[], [[]], [["session", 1]], [["会话信息已丢失"]], [["A"], ["B"]]])
def test_rows_are_no_status_whatever_they_say(rows: list[list[Any]]) -> None:
    assert status_of(rows) is None
