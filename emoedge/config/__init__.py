"""Configuration: one frozen model per section, defaults, limits and documentation in one place."""

from emoedge.config.load import default_paths, drop_ins, load_settings, used_file, with_changes
from emoedge.config.settings import (
    CameraSettings,
    EventSettings,
    FaceSettings,
    FusionSettings,
    MicrophoneSettings,
    MqttSettings,
    PathSettings,
    PerformanceSettings,
    PublishSettings,
    RecordingMode,
    RecordingSettings,
    Settings,
    SpeechSettings,
    VoiceSettings,
)

__all__ = [
    "CameraSettings",
    "EventSettings",
    "FaceSettings",
    "FusionSettings",
    "MicrophoneSettings",
    "MqttSettings",
    "PathSettings",
    "PerformanceSettings",
    "PublishSettings",
    "RecordingMode",
    "RecordingSettings",
    "Settings",
    "SpeechSettings",
    "VoiceSettings",
    "default_paths",
    "drop_ins",
    "load_settings",
    "used_file",
    "with_changes",
]
