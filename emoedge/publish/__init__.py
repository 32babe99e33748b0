"""MQTT publishing: payloads, session, spool, control, Home Assistant."""

from emoedge.publish.messages import Message, MessageBuilder

__all__ = ["Message", "MessageBuilder"]
