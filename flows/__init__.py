"""The story: one flow a phase, and `migrate`, which reads as the list of phases."""
