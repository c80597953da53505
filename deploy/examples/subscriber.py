"""An LMS service that does its work once for each change, in order, whatever dies: `faststream run subscriber:app`."""

import os
import sqlite3

from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.js.api import ConsumerConfig

app = FastStream(broker := NatsBroker(os.environ["NATS_URL"], max_reconnect_attempts=-1))
changes, ordered = JStream("CHANGES", declare=False), ConsumerConfig(max_ack_pending=1, ack_wait=5)
lms = sqlite3.connect(os.environ["LMS_DATABASE"])
lms.execute("CREATE TABLE IF NOT EXISTS done (change_id PRIMARY KEY, change)")


@broker.subscriber("lms.>", stream=changes, durable="lms", config=ordered, pull_sub=True, ack_policy=AckPolicy.MANUAL)
async def handle(message: NatsMessage) -> None:
    with lms:  # the work, here a row, is committed with the change's id: a change that comes again is known
        lms.execute("INSERT OR IGNORE INTO done VALUES (?, ?)", (message.headers["ce-id"], message.body))
    await message.ack()
