"""The way of the data, put together: perceive, fuse, decide what to say."""
