"""PublishStock, ListSkus and Check must hold this."""

import asyncio
from datetime import timedelta

from lemai_marketplace.conformance.stage import Stage, error_of
from lemai_marketplace.errors import AuthExpired, SignatureError
from lemai_marketplace.types import OutcomeState, PlatformSku, StockLevel


def level(sku: PlatformSku, quantity: int) -> StockLevel:
    """`quantity` pieces of a listed SKU."""
    return StockLevel(sku.platform_item_id, sku.platform_sku_id, quantity)


class StockConformance:
    """PublishStock."""

    async def test_figures_are_set_in_any_number_zero_and_the_most_included(self, stage: Stage) -> None:
        most = stage.store.limits.stock_quantity_max
        levels = [level(sku, number) for number, sku in enumerate(stage.shelf)]
        levels[1] = level(stage.shelf[1], most)

        outcomes = await stage.store.publish_stock(levels)

        assert [outcome.state for outcome in outcomes] == [OutcomeState.APPLIED] * len(levels)
        assert [await stage.quantity(sku) for sku in stage.shelf] == [each.quantity for each in levels]

    async def test_a_sku_that_is_not_there_is_rejected_and_spoils_no_other(self, stage: Stage) -> None:
        unknown = StockLevel(stage.shelf[0].platform_item_id, "1", 5)
        nowhere = StockLevel("1", "2", 5)
        good = level(stage.shelf[0], 7)

        outcomes = await stage.store.publish_stock([unknown, good, nowhere])

        assert [outcome.state for outcome in outcomes] == [
            OutcomeState.REJECTED,
            OutcomeState.APPLIED,
            OutcomeState.REJECTED,
        ]
        assert await stage.quantity(stage.shelf[0]) == 7

    async def test_a_figure_beyond_the_limits_is_rejected_without_a_call(self, stage: Stage) -> None:
        sku, most = stage.shelf[0], stage.store.limits.stock_quantity_max
        before = await stage.calls()

        outcomes = await stage.store.publish_stock([level(sku, -1), level(sku, most + 1)])

        assert [outcome.state for outcome in outcomes] == [OutcomeState.REJECTED] * 2
        assert await stage.calls() == before

    async def test_faults_are_to_be_retried_and_a_retry_does_no_harm(self, stage: Stage) -> None:
        sku = stage.shelf[0]
        await stage.lose_answer("stock")

        [lost] = await stage.store.publish_stock([level(sku, 3)])
        await stage.throttle("stock", 1)
        [throttled] = await stage.store.publish_stock([level(sku, 3)])
        await asyncio.sleep(throttled.retry_after_s or 0)
        [again] = await stage.store.publish_stock([level(sku, 3)])

        assert [lost.state, throttled.state] == [OutcomeState.RETRY] * 2
        assert again.state is OutcomeState.APPLIED
        assert await stage.quantity(sku) == 3


class SkuConformance:
    """ListSkus."""

    async def test_every_sku_on_sale_is_listed_once(self, stage: Stage) -> None:
        listed = [sku async for page in stage.store.list_skus() for sku in page]

        assert len(listed) == len(set(listed))
        assert set(listed) == set(stage.shelf)


class CheckConformance:
    """Check."""

    async def test_good_credentials_pass_and_tell_the_clock(self, stage: Stage) -> None:
        await stage.skew_clock(timedelta(seconds=-100))

        checked = await stage.store.check()

        assert abs(checked.clock_offset - timedelta(seconds=-100)) < timedelta(seconds=5)

    async def test_a_wrong_secret_is_a_signature_error_after_one_call(self, stage: Stage) -> None:
        before = await stage.calls()

        assert isinstance(await error_of(stage.stranger().check()), SignatureError)
        assert await stage.calls() == before + 1

    async def test_a_clock_that_is_off_is_corrected_once(self, stage: Stage) -> None:
        await stage.skew_clock(timedelta(minutes=11))
        before = await stage.calls()

        await stage.store.check()
        await stage.store.check()

        assert await stage.calls() == before + 3

    async def test_an_expired_session_is_told_from_the_rest(self, stage: Stage) -> None:
        await stage.expire_session()

        assert isinstance(await error_of(stage.store.check()), AuthExpired)
