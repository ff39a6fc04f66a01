"""Cases that the fuzzer makes and the contract decides: an empty value of a query counts as not sent (section 1)."""

import schemathesis


def is_empty(value):
    return value == "" or (isinstance(value, list) and "" in value)


@schemathesis.hook
def filter_case(context, case):
    return not any(is_empty(value) for value in (case.query or {}).values())
