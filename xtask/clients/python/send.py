"""Sends what `crates/growthctl/tests/it/segment_clients.rs` expects, and prints what the client's callback told.

    python send.py HOST KEY [gzip]

Nothing but the host is set, and gzip where it is asked for. `send.cjs` sends the same.
"""

import json
import sys
from datetime import datetime, timezone

import segment.analytics as analytics

sent = 0
failed = 0
problems = set()


def on_error(problem, calls):
    global failed
    failed += len(calls)
    problems.add(str(problem))


def send(kind, **call):
    global sent
    accepted, _ = getattr(analytics, kind)(**call)
    assert accepted, "the client's queue is full"
    sent += 1


analytics.host, analytics.write_key = sys.argv[1:3]
analytics.gzip = "gzip" in sys.argv[3:]
# There is no callback for what succeeded: it is what did not fail.
analytics.on_error = on_error

# Two visitors of whom nobody knows yet who they are.
send("page", anonymous_id="v1", category="docs", name="Pricing", properties={"path": "/pricing"})
send("track", anonymous_id="v1", event="Button Clicked")
send("track", anonymous_id="v2", event="Searched")
analytics.flush()

# Both are the same person.
traits = {"email": "ann@example.com", "createdAt": datetime(2026, 6, 1, tzinfo=timezone.utc)}
send("identify", user_id="ann", anonymous_id="v1", traits=traits)
send("alias", user_id="ann", previous_id="v2")
send("track", anonymous_id="v1", event="Button Clicked")
send("screen", user_id="ann", name="Home")
send("group", user_id="ann", group_id="g1", traits={"name": "Label"})
for number in range(250):
    properties = {"number": number, "contacts": 2}
    send("track", user_id=f"user-{number % 10}", event="Enrichment Completed", properties=properties)
analytics.shutdown()
print(json.dumps({"succeeded": sent - failed, "failed": failed, "problems": sorted(problems)}))
