"""Sends a run's plan through the provider's batch service, in the process that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_medbench import clock
from pytest_medbench.errors import ConfigError, MedbenchError
from pytest_medbench.stopping import as_stop, time_is_over

if TYPE_CHECKING:
    from pytest_medbench.asking import Asker
    from pytest_medbench.session import Account
    from pytest_medbench.setting import Setting


def ask_first(setting: Setting, asker: Asker, account: Account, began: float) -> None:
    """Wait until every planned item has an answer in the store, or a reason why not.

    Ends the session where that is left before its end: the batches then go on at the provider.

    Parameters
    ----------
    setting : Setting
    asker : Asker
        From here on its answers are those of the batches.
    account : Account
        With its plan.
    began : float
        When the command did, in seconds since the epoch.
    """
    from pytest_medbench.batch import run_batch

    options = setting.options
    try:
        _check_limits(setting, asker, account)
        asker.begin_batch(clock.now())
        report = run_batch(
            asker.model,
            asker.store(),
            account.requests(),
            home=options.home,
            say=setting.say,
            stop=lambda: time_is_over(began, options.deadline),
            poll=options.batch_poll,
        )
        report.save(account.folder.path)
        asker.take_batch(report)
        stopped = report.stopped
    except ConfigError as error:
        account.withdraw()
        pytest.exit(str(error), returncode=4)
    except MedbenchError as error:
        stopped = str(error)
    if stopped is not None:
        raise pytest.Session.Interrupted(as_stop(stopped))


def _check_limits(setting: Setting, asker: Asker, account: Account) -> None:
    """Refuse a batch that could pass a limit: once it is sent, nothing can stop what it costs."""
    options = setting.options
    if options.max_requests is None and options.budget_usd is None:
        return
    from pytest_medbench.planning import estimate_requests
    from pytest_medbench.price import needed_price

    _, total = estimate_requests(setting, asker, account.requests(), setting.say)
    if options.max_requests is not None and total.requests > options.max_requests:
        raise ConfigError(
            f"--medbench-max-requests={options.max_requests}: the batch would send "
            f"{total.requests:,} requests; nothing was sent"
        )
    if options.budget_usd is not None:
        needed_price(asker.model)
        most = total.usd_high or 0.0
        if most > options.budget_usd:
            raise ConfigError(
                f"--medbench-budget-usd={options.budget_usd:g}: the batch may cost up to "
                f"{most:.2f} USD; nothing was sent"
            )
