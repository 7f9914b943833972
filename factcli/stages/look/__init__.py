"""`fact ls`, `fact show REF`, `fact trace ID`, `fact verify REF`: what there is, and where it came from.

Plain functions that give back data, and `render_*` functions that make it readable. Nothing here writes.

listing.py  everything below the data directory, damaged and unfinished work included
show.py     one version: settings, inputs, files, numbers
trace.py    the life of one id: what it stands on, what stands on it
related.py  which versions speak of the same thing where they have the same id
verify.py   re-hash a version and its ancestors
text.py     rows are hostile text: made printable here
"""

from factcli.stages.look.listing import Listed, listing, render_listing
from factcli.stages.look.show import Shown, render_shown, show
from factcli.stages.look.trace import Trace, render_trace, trace
from factcli.stages.look.verify import DAMAGED, Verified, render_verified, verify_ref

__all__ = [
    "DAMAGED",
    "Listed",
    "Shown",
    "Trace",
    "Verified",
    "listing",
    "render_listing",
    "render_shown",
    "render_trace",
    "render_verified",
    "show",
    "trace",
    "verify_ref",
]
