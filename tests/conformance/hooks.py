"""Cases that the fuzzer makes and the contract decides: an empty value of a query counts as not sent (section 1)."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    return not any(value == "" for value in (case.query or {}).values())
