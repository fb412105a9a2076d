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

start_kafka() {
  local libraries port controller_port properties=$work/kafka.properties log=-Dorg.slf4j.simpleLogger
  libraries=$cache/kafka-$(key_of "$repository/.ci/kafka/pom.xml")
  locked kafka install_kafka "$libraries"
  read -r port controller_port < <(free_ports 2)
  sed -e "s|@PORT@|$port|; s|@CONTROLLER_PORT@|$controller_port|; s|@DATA@|$work/kafka|" \
    "$repository/.ci/kafka/server.properties" >"$properties"
  timeout 60 java "$log.defaultLogLevel=warn" -cp "$libraries/*" kafka.tools.StorageTool format \
    -t AAAAAAAAAAAAAAAAAAAAAQ -c "$properties" >"$work/kafka-format.log" 2>&1 ||
    fail "Apache Kafka's storage could not be formatted"
  # The first compiler alone: a broker of minutes does not earn back the second, and the tests want the cores.
  java -Xmx1g -XX:TieredStopAtLevel=1 "$log.defaultLogLevel=warn" "$log.log.kafka.server.KafkaRaftServer=info" \
    -cp "$libraries/*" kafka.Kafka "$properties" >"$work/kafka.log" 2>&1 &
  services+=("$!")
  wait_until 120 "Apache Kafka" "$!" grep -q 'Kafka Server started' "$work/kafka.log"
  export WEIR_TEST_KAFKA=127.0.0.1:$port
}
