# Apache Kafka: one node, KRaft, on free ports of the loopback interface. Sets WEIR_TEST_KAFKA.

install_kafka() {
  local libraries=$1
  [[ -d $libraries ]] && return
  rm -rf "$libraries.partial"
  retry timeout 300 mvn --batch-mode --quiet --file "$repository/.ci/kafka/pom.xml" \
    dependency:copy-dependencies "-DoutputDirectory=$libraries.partial" ||
    fail "Apache Kafka could not be fetched from Maven's repository"
  mv "$libraries.partial" "$libraries"
}

launch_kafka() {
  local properties=$work/kafka.properties log=-Dorg.slf4j.simpleLogger
  sed -e "s|@PORT@|$1|; s|@CONTROLLER_PORT@|$2|; s|@DATA@|$work/kafka|" \
    "$repository/.ci/kafka/server.properties" >"$properties"
  rm -rf "$work/kafka"
  timeout 60 java "$log.defaultLogLevel=warn" -cp "$libraries/*" kafka.tools.StorageTool format \
    -t AAAAAAAAAAAAAAAAAAAAAQ -c "$properties" >"$work/kafka-format.log" 2>&1 ||
    fail "Apache Kafka's storage could not be formatted"
  # The first compiler alone: a broker of minutes does not earn back the second, and the tests want the cores.
  java -Xmx1g -XX:TieredStopAtLevel=1 "$log.defaultLogLevel=warn" "$log.log.kafka.server.KafkaRaftServer=info" \
    -cp "$libraries/*" kafka.Kafka "$properties" >"$work/kafka.log" 2>&1 &
}

kafka_serves() {
  grep -q 'Kafka Server started' "$work/kafka.log"
}

start_kafka() {
  local libraries ports
  libraries=$cache/kafka-$(key_of "$repository/.ci/kafka/pom.xml")
  locked kafka install_kafka "$libraries"
  serve "Apache Kafka" 120 2 launch_kafka kafka_serves
  export WEIR_TEST_KAFKA=127.0.0.1:${ports[0]}
}
