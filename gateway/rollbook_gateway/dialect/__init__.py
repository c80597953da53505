"""How identity providers depart from the RFCs: one small function for each departure, named by its wire cases.

``entra``, ``okta`` and ``absence`` read single values; the SCIM rooms call them where a value of that kind comes up:

    absence.is_absent           null, "" and [] mean none                 C04 C16 P16 P17 P25
    absence.is_hollow           {"value": "", "type": "work"} means none
    entra.boolean_from_text     "True" and "False"                        C03 P01 P11
    entra.operation_name        Add, Replace, Remove                      P01 P04 P24
    entra.manager_path          manager without its URN, its .id          M07 P19 P21 P22
    entra.reference_object      a manager as bare text                    C02 P14 P15
    entra.role_from_json_text   a role as an object in text               P12
    entra.value_of_reference    {"$ref": null, "value": "x"} for "x"
    entra.text_from_number      701984 for "701984"
    okta.elements               a list sent as its only element
    references.last_segment     a manager by its $ref alone

``misprints`` reads names, ``unquoted`` values in filters; ``authorization`` and ``tenant_url`` what is pasted:

    misprints.without_blanks    blanks in URNs and names                  N02 N03 N06 N07
    misprints.urn_with_its_dot  ilms:20:User                              N01 N05 N06 N07
    misprints.department        departnment                               N04 N06 N07
    unquoted.lifted, .value     externalId eq jyoung                      M06
    authorization.credentials   no scheme, or two                         A08
    tenant_url.clean_target     flags and slashes behind the Tenant URL   A05

Each leaves a note with what was read as what, where there is a resource to note it for. A departure that is a rule of a
whole document stands with that rule: an element made from a path that finds none (P10,
P11) in ``scim.patch.elements``, names as paths (C15, P13) in ``scim.document`` and ``scim.patch.apply``, an e-mail
without a type (C17) in ``rollbook_contracts.emails``.
"""
