"""Identity providers played by the book, over made-up people; `rollbook demo` and the tests play them.

directory, turnover       who works in the made-up organization, and what happens there between two cycles
result                    what a play did and what the tables must hold after it
entra_mapping, entra_patch, entra       Microsoft Entra ID: attribute mappings, PATCH in both forms, its cycles
okta                      Okta's App Integration Wizard application
"""
