"""`python -m emoedge.publish.schemas`: write the JSON Schemas anew."""

from emoedge.publish.schemas import write

if __name__ == "__main__":
    for path in write():
        print(path)  # noqa: T201
