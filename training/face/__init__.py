"""Training, export and evaluation of the face emotion model."""
