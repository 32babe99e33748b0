"""Labels from folders, file names and labels.csv."""

from __future__ import annotations

import pytest

from emoedge.emotions import DISPLAY_NAMES, EMOTIONS
from emoedge.errors import ConfigError
from emoedge.evaluation.labels import find_labels, label_of_name, label_of_word


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_display_name_is_a_label(language):
    assert [label_of_word(name.upper()) for name in DISPLAY_NAMES[language]] == list(EMOTIONS)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("03-Alegría_b", "happiness"),
        ("anger2", "anger"),
        ("alegri\u0301a", "happiness"),
        ("sadness_sad_1", "sadness"),
        ("happyend", None),
        ("clip_0001", None),
    ],
)
def test_a_label_is_a_whole_word_of_the_name(name, label):
    assert label_of_name(name) == label


def test_the_outermost_folder_counts_before_the_name_of_the_file(tmp_path):
    names = ["anger/take 1/sad.mp4", "take 1/fear/a.mp4", "b_asco.wav", "c.wav"]
    assert find_labels(tmp_path, names) == {names[0]: "anger", names[1]: "fear", names[2]: "disgust"}


@pytest.mark.parametrize(
    "text",
    [
        "file,label\nanger/a.mp4,miedo\nb.wav,Happy\n",
        "\ufefflabel;file\r\nmiedo;anger\\a.mp4\r\nHappy;./b.wav\r\n",
    ],
)
def test_the_csv_alone_decides(text, tmp_path):
    (tmp_path / "labels.csv").write_bytes(text.encode())
    names = ["anger/a.mp4", "b.wav", "sad.wav"]
    assert find_labels(tmp_path, names) == {"anger/a.mp4": "fear", "b.wav": "happiness"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name,label\na.mp4,fear\n", "line 1"),
        ("file,label\na.mp4,frightened\n", "line 2: 'frightened' is not a label"),
        ("file,label\na.mp4\n", "line 2: '' is not a label"),
        ("file,label\nb.mp4,fear\n", "line 2: no media file 'b.mp4'"),
        ("file,label\na.mp4,fear\na.mp4,anger\n", "line 3: 'a.mp4' has two labels"),
        ("", "line 1"),
        (f"file,label\n{'x' * 200_000},fear\n", "line 2: field larger"),
        ('file,label\n"a.mp4,fear\n', "is not a label"),
        ("file,label\n", "none of its 1 clips has a label"),
    ],
)
def test_a_damaged_csv_is_refused_with_its_line(text, fault, tmp_path):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ConfigError, match=fault) as error:
        find_labels(tmp_path, ["a.mp4"])
    assert error.value.remedy


def test_a_csv_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes("file,label\na.mp4,alegría\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8: line 2"):
        find_labels(tmp_path, ["a.mp4"])
    (tmp_path / "labels.csv").write_bytes("file,label\na.mp4,alegría\n".encode("utf-16"))
    assert find_labels(tmp_path, ["a.mp4"]) == {"a.mp4": "happiness"}


def test_a_csv_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        find_labels(tmp_path, ["a.mp4"])


def test_a_name_with_two_labels_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="more than one label: happiness, sadness"):
        find_labels(tmp_path, ["happy_to_sad.mp4"])


def test_a_folder_without_any_label_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="none of its 1 clips has a label"):
        find_labels(tmp_path, ["a.mp4"])
