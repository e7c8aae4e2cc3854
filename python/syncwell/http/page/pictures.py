"""Charts that are drawn once for all who look at the same numbers."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from typing import Any

from markupsafe import Markup

from syncwell._look import charts

__all__ = ["Pictures"]

_KEPT = 256


class Pictures:
    """What was drawn lately, by what it shows: whoever has the same facts gets the same picture."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Markup] = OrderedDict()
        self._lock = threading.Lock()
        self.drawn = 0

    def draw(self, spec: charts.Spec, **how: Any) -> Markup:
        """Draw, or remember; see `charts.draw`. One at a time, so that drawing never takes more than one processor."""
        key = hashlib.sha256(json.dumps([spec, how], sort_keys=True).encode()).digest()
        with self._lock:
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = charts.draw(spec, **how)
                self.drawn += 1
            self._known.move_to_end(key)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known
