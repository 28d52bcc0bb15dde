"""Run folders: which there are and how far each is (`folders`), and what stands in one (`reading`)."""
