"""What of AIM's records nobody may see in a log, a dead letter or the ledger (aim.md 8.2)."""

from __future__ import annotations

_FORM_INPUTS = (
    *("SOCIALSECURITY", "BIRTHDAY", "EMPLOYER", "CREDITCHECKNAMEOVERRIDE"),
    *("ONLINESIGNATURE", "SIGCAPTURE", "DRIVERSLICENSENUMBER", "DRIVERSLICENSESTATE"),
    *("BANKROUTINGNUMBER", "BANKACCOUNTNUMBER", "BANKTRANSACTIONTYPE"),
    *("WORKPHONE", "WORKPHONE_EXT", "CELLPHONE", "CELLPHONE_EXT", "FAX", "FAX_EXT"),
    *("EXTENSION", "EXTENSION2"),
)
"""Keys of FormInputList whose values are personal or a bank's (8.2, C2BPostContract, DOC). Those
that are not: RENTALNOTES, ATTENTION, DELIVERYDATE. Other keys are attribute tags of the shop."""

SECRETS = frozenset(
    {
        *("CcInfo", "CardInfo", "CardToken", "CardNumber", "Cvv", "Cvv2", "CVV"),
        *("Ach", "AchInfo", "AchDetail", "BankNumber", "Routing"),
        *("SS", "DriversLicenseInfo", "Base64Signature", "Password"),
        *(f"Key={key}" for key in _FORM_INPUTS),
        "Encrypted=true",
    }
)
"""Never shown: cards, bank accounts, social security numbers, licences, signatures, passwords, and
values of such kinds in FormInputList; `erp_vendors.masking` says what the names mean."""
UNQUOTED = SECRETS | {"FormInputList"}
"""Properties that no complaint about the form of a record quotes."""
