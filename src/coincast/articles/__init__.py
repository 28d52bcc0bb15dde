"""The four articles that this field learnt from, each repeated as it was done and as it should have been."""
