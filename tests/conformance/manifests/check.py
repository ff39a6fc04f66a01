"""Checks a manifest as its own program would read it: check.py compose|kubernetes FILE."""

import sys

import yaml

kind, file = sys.argv[1:]
with open(file) as opened:
    text = opened.read()
if kind == "compose":
    import compose_spec

    compose_spec.PyCompose.from_yaml(text).validate()
    services = yaml.safe_load(text)["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            if other not in services:
                sys.exit(f"{name} depends on {other}, which does not exist")
else:
    import kubernetes_validate

    for part in yaml.safe_load_all(text):
        kubernetes_validate.validate(part, "1.37", strict=True)
