from serai.kernel.errors import Conflict
from serai.web.error_codes import GENERAL, error_groups


def test_every_code_is_listed_once_general_ones_first():
    groups = error_groups()
    codes = [error.code for group in groups for error in group.codes]
    assert groups[0].title == GENERAL and len(codes) == len(set(codes))
    assert {"conflict", "not_found", "too_many_requests"} <= {error.code for error in groups[0].codes}
    assert "misconfigured" not in codes


def test_a_code_is_described_by_the_class_that_decides_it():
    found = {error.code: error for group in error_groups() for error in group.codes}
    assert found["conflict"].meaning == Conflict.__doc__
    assert found["too_many_requests"].retryable and found["internal"].status == 500
