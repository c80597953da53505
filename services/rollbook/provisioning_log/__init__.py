"""The provisioning log as people read it: `rollbook log` and `rollbook cycles`.

wanted      which entries are asked for
recorded    those in the table
arriving    those that come from now on
names       what tenants, tokens and resources are called
advice      what an administrator can do about an entry
telling     an entry or a cycle in words
cycles      what a provider sent without a longer pause, counted
"""
