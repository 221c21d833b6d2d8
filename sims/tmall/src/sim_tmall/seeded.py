"""Seeded, varied orders for load and soak runs: the same seed and shelf give the same orders."""

from random import Random

from sim_tmall.placing import NewOrder, OrderedLine, Shelf
from sim_tmall.refusals import TooLittleStock
from sim_tmall.trade import Receiver

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
GIVEN = ("伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "洋", "艳", "秀英", "志强", "欣怡", "子轩", "雨桐", "浩然")
PLACES = (
    ("上海", "上海市", "浦东新区", "张江镇"),
    ("北京", "北京市", "朝阳区", "望京街道"),
    ("浙江省", "杭州市", "余杭区", "五常街道"),
    ("广东省", "深圳市", "南山区", "粤海街道"),
    ("江苏省", "", "昆山市", "玉山镇"),
    ("四川省", "成都市", "武侯区", "石羊街道"),
    ("湖北省", "武汉市", "洪山区", "关山街道"),
    ("新疆维吾尔自治区", "乌鲁木齐市", "天山区", "新华北路街道"),
)
STREETS = ("中山路", "人民路", "建设大道", "文一西路", "科技园南路", "解放街")
MESSAGES = ("", "", "", "请尽快发货", "周末送货，谢谢", "不要放快递柜", 'A&B <尺码> "偏大"')
DISCOUNTS = (0, 0, 0, 500, 1000, 1999)
FREIGHTS = (0, 0, 0, 600, 1200)


def orders(shelf: Shelf, *, count: int, seed: int, lines_max: int, quantity_max: int, oversell: bool) -> list[NewOrder]:
    """`count` paid orders over the shelf's SKUs; raises TooLittleStock when the shelf runs out first."""
    chance = Random(seed)  # noqa: S311 -- repeatable variety is the point, not secrecy
    left = {key: sku.quantity for key, sku in shelf.items()}
    in_stock = [key for key, quantity in left.items() if quantity > 0 or oversell]
    made = []
    for number in range(count):
        lines = []
        for _ in range(chance.randint(1, lines_max)):
            key = _pick(chance, in_stock, left, oversell)
            quantity = chance.randint(1, quantity_max if oversell else min(quantity_max, left[key]))
            left[key] -= quantity
            lines.append((key, quantity))
        made.append(_order(chance, f"买家{seed}_{number}", lines, shelf, oversell))
    return made


def _pick(
    chance: Random, in_stock: list[tuple[int, int]], left: dict[tuple[int, int], int], oversell: bool
) -> tuple[int, int]:
    while in_stock:
        at = chance.randrange(len(in_stock))
        if oversell or left[in_stock[at]] > 0:
            return in_stock[at]
        in_stock[at] = in_stock[-1]
        in_stock.pop()
    raise TooLittleStock("货架已空，无法继续生成订单 / the shelf is empty")


def _order(
    chance: Random, buyer: str, lines: list[tuple[tuple[int, int], int]], shelf: Shelf, oversell: bool
) -> NewOrder:
    goods = sum(shelf[key].price * quantity for key, quantity in lines)
    discount = chance.choice(DISCOUNTS)
    return NewOrder(
        lines=tuple(OrderedLine(*key, quantity) for key, quantity in lines),
        receiver=_receiver(chance),
        buyer_nick=buyer,
        discount=discount if discount < goods else 0,
        freight=chance.choice(FREIGHTS),
        buyer_message=chance.choice(MESSAGES),
        oversell=oversell,
    )


def _receiver(chance: Random) -> Receiver:
    state, city, district, town = chance.choice(PLACES)
    return Receiver(
        name=chance.choice(SURNAMES) + chance.choice(GIVEN),
        mobile=f"1{chance.choice('35789')}{chance.randrange(10**9):09d}",
        state=state,
        city=city,
        district=district,
        town=town,
        address=f"{chance.choice(STREETS)}{chance.randint(1, 999)}号{chance.randint(101, 3204)}室",
        zip=f"{chance.randrange(100000, 900000)}",
    )
