"""What gateways tell of the requests they answered: the entries of the provisioning log, on their way to its table."""
