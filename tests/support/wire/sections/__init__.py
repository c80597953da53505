"""One module for each section of the checklist, one function for each case: all that the case's sentence says."""
