"""The text model: a transcript in, a posterior over the seven emotions out."""
