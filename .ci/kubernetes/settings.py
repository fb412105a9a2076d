"""Which settings programs read, by their sources."""

import re

from manifests import REPOSITORY

JOB_PREFIX = "ORDER_ANALYTICS_"
# Where settings are that several services have.
SHARED = {
    "TelemetryOptions": "options.rs",
    "CallOptions": "options.rs",
    "UpstreamOptions": "options.rs",
    "KafkaOptions": "kafka/options.rs",
    "DatabaseOptions": "database/options.rs",
}


def settings_of(service):
    """The environment variables that a service reads, and whether each must be set, from its source."""
    files = sorted((REPOSITORY / "services" / service / "src").rglob("*.rs"))
    # What runs on AWS Lambda is another program, and in no pod.
    source = "\n".join(file.read_text() for file in files if file.name != "lambda.rs")
    common = REPOSITORY / "services/common/src"
    for options, file in SHARED.items():
        if f": {options}" in source:
            text = (common / file).read_text()
            start = text.index(f"pub struct {options}")
            source += text[start : text.index("\n}\n", start)]
    found = {}
    for attribute, field_type in re.findall(r"#\[arg\(((?:[^\[\]]|\[[^\]]*\])*?)\)\]\s*(?:pub(?:\(\w+\))? )?\w+: ([\w<>:]+)", source):
        name = re.search(r'env = "(\w+)"', attribute)
        if name:
            found[name.group(1)] = "default_value" not in attribute and not field_type.startswith("Option")
    return found


def settings_of_job():
    """The environment variables that the job reads."""
    source = (REPOSITORY / "jobs/order-analytics/src/cli/keys.rs").read_text()
    return {f"{JOB_PREFIX}{key.upper().replace('-', '_')}" for key in re.findall(r'key\(\s*"([a-z-]+)"', source)}
