"""The operator as users start it."""

from tests.support.logged_process import LoggedProcess


class OperatorProcess(LoggedProcess):
    """One replica."""

    module = "dkron_operator"
    what = "the operator"
