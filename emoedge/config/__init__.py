"""Configuration: one frozen model per section, defaults, limits and documentation in one place."""

from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.config.fusion_settings import EventSettings, FusionSettings
from emoedge.config.history_settings import HistorySettings
from emoedge.config.load import load_settings, used_file, with_changes
from emoedge.config.mqtt_settings import MqttSettings, PublishSettings
from emoedge.config.perception_settings import FaceSettings, SpeechSettings, VoiceSettings
from emoedge.config.recording_settings import RecordingMode, RecordingSettings
from emoedge.config.settings import PathSettings, PerformanceSettings, Settings
from emoedge.config.web_settings import WebSettings
from emoedge.config_files import default_paths, drop_ins

__all__ = [
    "CameraSettings",
    "EventSettings",
    "FaceSettings",
    "FusionSettings",
    "HistorySettings",
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
    "WebSettings",
    "default_paths",
    "drop_ins",
    "load_settings",
    "used_file",
    "with_changes",
]
