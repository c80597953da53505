"""What a request does, from body to answer, one file for each resource; knows no HTTP framework."""
