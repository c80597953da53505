"""The provisioning log, as far as a gateway writes it: an entry for each admitted request, sent off beside its way.

draft       what a request tells of itself while it is under way
provider    whose request it is: Entra's, Okta's or another's
entry       the draft and the answer become an entry
reporter    entries go to stream REQUESTS, without anybody waiting
"""
