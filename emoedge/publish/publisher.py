"""The one sink of the daemon: takes messages from the pipeline, gives them to the broker.

Three kinds of message, three promises:
- states (retained): of each topic only the newest matters; one is on the way at a time, a newer one replaces
  what waits, and all are sent again on every connection;
- spooled ones: none is lost within the bound, see emoedge.publish.outbox;
- the others (`face`, `control/error`): now or never.

One worker thread owns all of it, two others carry out commands, one waits for the disk; the pipeline, the
network, the disk and the devices that commands act on never wait for each other.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from emoedge.config import Settings
from emoedge.health import Health
from emoedge.publish.announcer import Announcer
from emoedge.publish.command_queue import CommandQueue
from emoedge.publish.device_topics import DeviceTopics
from emoedge.publish.disk_calls import DiskThread
from emoedge.publish.echo import Echo
from emoedge.publish.lateness import LATE_AFTER_S
from emoedge.publish.link import Link
from emoedge.publish.messages import RESULTS, Message, MessageBuilder, mark_late
from emoedge.publish.outbox import LEAST_WINDOW_S, Outbox
from emoedge.publish.reports import broker_health, spool_health
from emoedge.publish.retained_states import RetainedStates
from emoedge.publish.retry import MqttVersion
from emoedge.publish.session import MqttSession
from emoedge.publish.sinks import CommandHandler, StateProvider
from emoedge.publish.spool import Spool
from emoedge.publish.worker_input import MAX_PLAIN, DeliveryAnswer, Spooled, WorkerInput
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

SPOOL_FILE: Final = "spool.sqlite3"
# Spooled messages on their way from the pipeline to the worker, which empties this every few milliseconds.
MAX_INPUT: Final = 2_000
# The same limits for a process beside the daemon, which may be faster than its broker and has no spool.
MAX_BESIDE: Final = 100_000
# Part of stop()'s time that is reserved for `offline` and the disk.
_LAST_WORD_S: Final = 0.7

_DISK_S: Final = 0.3
"""Least wait for each answer of the disk at the end."""
HUNG_AFTER_S: Final = 120.0
"""Seconds after which a turn of the worker hangs: it never waits for a disk."""


class Publisher:
    """Publishes over MQTT.

    Args:
        settings: broker, topics, state directory.
        builder: for the answers to commands.
        first_protocol: "3.1.1" spares the fallback where the broker is known (emoedge.demo.broker).
        secondary: for a process beside the daemon (`replay`): a client id of its own, no `status`, no
            commands, no announcement, nothing on disk.
    """

    def __init__(
        self,
        settings: Settings,
        builder: MessageBuilder,
        *,
        first_protocol: MqttVersion = "5",
        secondary: bool = False,
    ) -> None:
        mqtt = settings.mqtt
        self._settings = settings
        self._state_provider: StateProvider | None = None
        self._condition = threading.Condition()
        self._disk = DiskThread("spool", lambda: self._hand_over(lambda _: None))
        path = settings.paths.state / SPOOL_FILE
        self._secondary = secondary
        self._now_s = builder.now_s
        self._max_input = MAX_BESIDE if secondary else MAX_INPUT
        if secondary:
            self._outbox = Outbox(None, MAX_BESIDE)
        else:
            on_disk = mqtt.spool_max_messages > 0
            spool = Spool(path, mqtt.spool_max_messages) if on_disk else None
            self._outbox = Outbox(
                spool,
                run=self._disk.put,
                window_s=mqtt.spool_after_s,
                least_window_s=LEAST_WINDOW_S,
                late_after_s=LATE_AFTER_S,
            )
        self._announcer = Announcer(settings)
        self._topics = DeviceTopics(settings.topic_base, self._announcer.topics)
        self._status = self._topics.of("status")
        self._session = MqttSession(
            mqtt,
            settings.client_id + (f"-{os.getpid()}" if secondary else ""),
            will_topic=None if secondary else self._status,
            subscriptions=() if secondary else self._topics.subscriptions,
            listener=self,
            first_protocol=first_protocol,
            echo=None if secondary else Echo(self._topics.echo),
            single_topics=() if secondary else self._topics.single,
            optional_topics=self._announcer.old_names.topics,
        )
        self._input = WorkerInput()
        self._stop_at_s: float | None = None
        self._is_private = False
        self._dropped = 0
        self.thread = WorkerThread("publisher", self._run, limit_s=HUNG_AFTER_S, on_death=self._abandon)
        self._commands = CommandQueue(builder, self.publish)
        # The rest belongs to the worker.
        self._link: Link | None = None
        self._states = RetainedStates({} if secondary else {self._status: b"online"})
        self._finishing = False
        self._holds = False

    def attach(self, on_command: CommandHandler, states: StateProvider) -> None:
        """Connect the commands; before `start`.

        Args:
            on_command: called with each accepted command: for privacy in one thread, for the others in
                another.
            states: asked in the worker thread, on every connection, for states newer than the remembered.
        """
        self._commands.handler = on_command
        self._state_provider = states

    # From the pipeline, any thread

    def start(self) -> None:
        """Open the spool and begin to connect; returns at once."""
        self._commands.start()
        self._disk.thread.start()
        self.thread.start()

    def publish(self, message: Message) -> None:
        """Take one message; never waits, never raises for what the broker or the disk do."""
        topic = self._topics.of(message.suffix)
        payload = message.encode(self._session.limits.payload_bytes(topic))
        with self._condition:
            items = self._input
            if message.retain:
                items.states[topic] = payload
            elif message.spool:
                exempt, age_s = self._is_private and message.is_end, self._now_s() - message.time_s
                items.spooled.append(Spooled(topic, payload, exempt, age_s))
                if len(items.spooled) > self._max_input:
                    items.spooled.popleft()
                    self._dropped += 1
            else:
                items.plain.append((topic, payload))
            self._condition.notify()

    def hold(self, on: bool) -> None:
        """Keep messages about people back while privacy is ON, except for the end of the open event."""
        with self._condition:
            self._is_private = on
            if on:  # never to be published later
                live = {self._topics.of("face"), self._topics.of("image")}
                kept = (one for one in self._input.plain if one[0] not in live)
                self._input.plain = deque(kept, maxlen=MAX_PLAIN)
            self._condition.notify()

    def forget(self, is_meant: Callable[[bytes], bool]) -> None:
        """Drop the spooled messages with such payloads, and empty the retained results; returns at once."""
        self._hand_over(lambda items: items.forgets.append(is_meant))

    def stop(self, timeout_s: float = 2.0) -> None:
        """Send what is left, say `offline`, disconnect, and put on disk what was not delivered."""
        with self._condition:
            self._stop_at_s = time.monotonic() + timeout_s
            self._condition.notify()
        self._commands.stop()
        self.thread.join(timeout_s + 1.0)
        self._disk.thread.request_stop()

    def health(self) -> tuple[Health, ...]:
        """The broker connection and the spool."""
        limit = self._settings.mqtt.spool_max_messages
        return (
            broker_health(self._session, self.fault, self._commands.refused),
            spool_health(self._outbox, self._dropped, limit),
        )

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """The threads without which nothing goes out, or no command is carried out."""
        return (*self._own_threads, self._disk.thread, *self._announcer.threads)

    @property
    def _own_threads(self) -> tuple[WorkerThread, ...]:
        return (self.thread, *self._commands.threads, self._session.thread)

    @property
    def fault(self) -> str:
        """Fault of one of its threads, or an empty string."""
        return next((thread.fault for thread in self._own_threads if thread.fault), "")

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until connected or refused; whether it is connected. For start-up messages and tests."""
        return self._session.wait_connected(timeout_s)

    def _hand_over(self, add: Callable[[WorkerInput], object]) -> None:
        """Give the worker something, and wake it."""
        with self._condition:
            add(self._input)
            self._condition.notify()

    # From the session's threads

    def on_connected(self, link: Link) -> None:
        """See SessionListener."""
        self._hand_over(lambda items: items.links.append(link))

    def on_disconnected(self) -> None:
        """See SessionListener."""
        self._hand_over(lambda items: items.links.append(None))

    def on_delivered(self, token: int) -> None:
        """See SessionListener."""
        self._hand_over(lambda items: items.answers.append(DeliveryAnswer(token)))

    def on_refused(self, token: int, code: int) -> None:
        """See SessionListener."""
        self._hand_over(lambda items: items.answers.append(DeliveryAnswer(token, code)))

    def on_oversized(self, topic: str, *, abandoned: bool) -> None:
        """See SessionListener."""
        if topic not in self._announcer.topics:
            self._commands.take_oversized(self._topics.control_of(topic), was_received=not abandoned)

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """See SessionListener. Commands pass by the worker, which may be waiting for the disk."""
        if topic not in self._announcer.topics:
            self._commands.take(self._topics.control_of(topic), payload, retained=retained)
            return
        self._hand_over(lambda items: items.strange.append((topic, payload, retained)))

    # The worker

    def _run(self) -> None:
        self._outbox.open(time.monotonic())
        self._session.start()
        while self._stop_at_s is None:
            self._turn(self._wait_s())
        self._finish(self._stop_at_s)

    def _abandon(self) -> None:
        # No DISCONNECT, so that the broker publishes the last will.
        self._session.abort()
        self._outbox.close(time.monotonic())

    def _wait_s(self) -> float:
        now_s = time.monotonic()
        wait_s = self._outbox.wake_in_s(now_s, connected=self._link is not None)
        return min(wait_s, self._announcer.due_in_s(now_s), self._states.due_in_s(now_s))

    def _turn(self, wait_s: float) -> None:
        """Wait for something to do, then do all of it."""
        with self._condition:
            # A stop() that came since the caller looked must not be slept over.
            if self._input.is_empty and (self._stop_at_s is None or self._finishing):
                self.thread.rest()
                self._condition.wait(wait_s)
            items, self._input = self._input, WorkerInput()
        self.thread.beat()
        now_s = time.monotonic()
        self._hold_or_release()
        self._take_in(items, now_s)
        # Answers first: those of a lost connection must be counted before it is forgotten.
        for answer in items.answers:
            self._take_answer(answer, now_s)
        for link in items.links:
            self._link_changed(link, now_s)
        for topic, payload, retained in items.strange:
            self._announcer.take(topic, payload, now_s, retained=retained)
        self._states.send(self._send_retained, now_s)
        self._send_spooled()
        for topic, payload in items.plain:
            if self._link is not None:
                self._link.send(topic, payload, qos=0, retain=False)
        # Last, because the announcement requires the messages sent before.
        if not self._secondary:
            self._announcer.old_names.note([*items.states])
            self._announcer.send(self._send_retained, now_s)
        self._outbox.persist(time.monotonic(), connected=self._link is not None)

    def _take_in(self, items: WorkerInput, now_s: float) -> None:
        """Take in what is to be published, and what is to be forgotten of it."""
        for one in items.spooled:
            self._outbox.add(one.topic, one.payload, now_s, exempt=one.exempt, age_s=one.age_s)
        for topic, payload in items.states.items():
            self._states.update(topic, payload)
        for is_meant in items.forgets:
            self._outbox.forget(is_meant, now_s)
            self._states.empty(map(self._topics.of, RESULTS))

    def _link_changed(self, link: Link | None, now_s: float) -> None:
        self._link = link
        self._outbox.connection_lost()
        self._states.connection_lost()
        self._announcer.connection_lost()
        if link is None:
            return
        for message in self._fresh_states():
            self._states.update(self._topics.of(message.suffix), message.encode())
        self._states.send_afresh()
        if not self._secondary:
            self._announcer.connected(link.limits, now_s)

    def _fresh_states(self) -> list[Message]:
        if self._state_provider is None:
            return []
        try:
            return list(self._state_provider())
        except Exception:
            # The remembered states serve as well; a mistake elsewhere must not silence the device.
            logger.exception("cannot read the current states")
            return []

    def _take_answer(self, answer: DeliveryAnswer, now_s: float) -> None:
        token, code = answer.token, answer.refusal
        if code is None:
            self._outbox.delivered(token)
            self._states.delivered(token)
            self._announcer.delivered(token)
        else:
            self._outbox.refuse(token, code, now_s, was_sent=answer.was_sent)
            self._states.refused(token, now_s, was_sent=answer.was_sent)
            self._announcer.refused(token, now_s, was_sent=answer.was_sent)

    def _hold_or_release(self) -> None:
        if self._is_private == self._holds:
            return
        self._holds = self._is_private
        if self._holds:
            self._outbox.hold(self._topics.is_about_people)
        else:
            self._outbox.release()

    def _send_spooled(self) -> None:
        while self._link is not None:
            now_s = time.monotonic()
            entry = self._outbox.next_entry(now_s)
            if entry is None:
                return
            is_late = self._outbox.lateness.is_late(entry.seq, now_s)
            payload = mark_late(entry.payload) if is_late else entry.payload
            token = self._send(entry.topic, payload, retain=False)
            if token is None:
                return
            self._outbox.sent(entry, token)

    def _send(self, topic: str, payload: bytes, *, retain: bool, qos: Literal[0, 1] = 1) -> int | None:
        return None if self._link is None else self._link.send(topic, payload, qos=qos, retain=retain)

    def _send_retained(self, topic: str, payload: bytes, /, *, qos: Literal[0, 1] = 1) -> int | None:
        return self._send(topic, payload, retain=True, qos=qos)

    def _finish(self, stop_at_s: float) -> None:
        """Send the rest, publish `offline`, and close the connection and the spool."""
        self._finishing = True
        self._turn(0.0)
        # A process beside the daemon has no spool, so it also waits for the connection.
        while (self._link is not None or self._secondary) and self._unfinished():
            if self._left_s(stop_at_s) < _LAST_WORD_S:
                break
            self._turn(0.05)
        if self._link is not None and not self._secondary:
            self._states.replace_all({self._status: b"offline"})
            self._turn(0.0)
            while self._states.unacknowledged and self._link is not None and self._left_s(stop_at_s) > 0:
                self._turn(0.05)
        self._session.stop(max(0.1, self._left_s(stop_at_s)))
        self._turn(0.0)
        self._outbox.close(time.monotonic(), max(_DISK_S, self._left_s(stop_at_s)))

    def _unfinished(self) -> bool:
        return bool(self._outbox.sendable_in_memory or self._states.waiting)

    def _left_s(self, stop_at_s: float) -> float:
        return stop_at_s - time.monotonic()
