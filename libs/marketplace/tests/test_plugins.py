import pytest

from lemai_marketplace.plugins import Credentials, UnknownPlatform, load


def test_an_unknown_platform_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownPlatform, match=r"没有平台插件 'nowhere'.*tmall"):
        load("nowhere")


def test_secrets_do_not_show() -> None:
    shown = repr(Credentials(endpoint="http://top", app_key="12345678", app_secret="s3cret", session="6100"))

    assert shown == "Credentials(endpoint='http://top', app_key='12345678', calls_per_s=400)"
