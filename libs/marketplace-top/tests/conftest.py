import pytest

pytest.register_assert_rewrite("lemai_marketplace.conformance")
