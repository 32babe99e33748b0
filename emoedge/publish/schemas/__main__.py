"""`python -m emoedge.publish.schemas`: rewrite the JSON Schemas."""

from emoedge.publish.schemas import write

if __name__ == "__main__":
    for path in write():
        print(path)  # noqa: T201
