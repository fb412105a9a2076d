#!/usr/bin/env bash
# Makes the topics that nobody makes by himself: orders are kept for a week, results for long.
set -euo pipefail

week=604800000
make() {
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists --topic "$1" --partitions 4 \
    --config "retention.ms=$2"
}
make orders "$week"
make notifications "$week"
make analytics-results -1
