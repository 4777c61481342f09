import subprocess
import sys

import pytest
from scipy.special import betaincinv

from smearwatch.daemon.record.beta import beta_quantile


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 100, 999, 100_000, 10_000_000])
@pytest.mark.parametrize("below", [0.001, 0.005, 0.025, 0.16, 0.4])
def test_it_is_where_scipy_has_it(n, below):
    for k in sorted({k for k in (1, 2, 3, n // 100, n // 10, n // 3, n // 2, n - 3, n - 1, n) if 1 <= k <= n}):
        lower, upper = beta_quantile(k, n - k + 1, below), beta_quantile(n - k + 1, k, 1 - below)
        assert lower == pytest.approx(betaincinv(k, n - k + 1, below), rel=1e-10, abs=0)
        assert upper == pytest.approx(betaincinv(n - k + 1, k, 1 - below), rel=0, abs=1e-13)


def test_limits_need_no_library():
    program = (
        "import sys; from smearwatch.daemon.record.intervals import percent_json; percent_json(3, 100); "
        "print({'numpy', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
