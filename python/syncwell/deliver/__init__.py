"""Delivers alerts by webhook, to an Alertmanager, by e-mail or by a command; `syncwell alerts deliver` runs it.

Where a channel leads and with what secrets stands in a file of the deliverer only (`read_channels`); the database knows
its name. `Deliverer` takes alerts out of the database, sends them and says what became of them: an alert goes out at
least once, whoever dies on the way, and receivers know one that comes twice by its fingerprint.
"""

from __future__ import annotations

from syncwell.deliver.channels import Channel, ConfigError, read_channels
from syncwell.deliver.deliverer import Deliverer, Tally
from syncwell.deliver.senders import DeliveryError, Sender

__all__ = ["Channel", "ConfigError", "Deliverer", "DeliveryError", "Sender", "Tally", "read_channels"]
