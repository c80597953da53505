"""Identity providers played by the book, over made-up people; `rollbook demo` and the tests play them.

directory, turnover       who works in the made-up organization, and what happens there between two cycles
teams                     its groups, and what becomes of them
errands                   requests in their usual order, or shuffled
result                    what a play did and what the tables must hold after it
verification              the tables compared with what a play must have made of them
entra_mapping, entra_patch, entra_groups, entra   Microsoft Entra ID: mappings, PATCH in both forms, groups, cycles
okta_groups, okta         Okta's App Integration Wizard application, and its group push
"""
