# Apache Kafka: one node, KRaft, on free ports of the loopback interface. Its clients come in plain, or over TLS with a
# password (SCRAM-SHA-512) or an AWS identity. Sets WEIR_TEST_KAFKA, WEIR_TEST_KAFKA_{TLS,CA,USER,PASSWORD},
# WEIR_TEST_KAFKA_{IAM,ACCESS_KEY,SECRET_KEY}, and WEIR_TEST_KAFKA_JARS for a test that starts one of its own.

# install_kafka JARS CLASSES: Apache Kafka itself, and what it is taught here.
install_kafka() {
  local libraries=$1 classes=$2
  install_jars "$libraries"
  [[ -d $classes ]] && return
  rm -rf "$classes.partial"
  javac -cp "$libraries/*" -d "$classes.partial" "$repository/.ci/kafka/SignedTokens.java" ||
    fail "what Apache Kafka checks tokens with could not be compiled"
  mv "$classes.partial" "$classes"
}

install_jars() {
  local libraries=$1
  [[ -d $libraries ]] && return
  rm -rf "$libraries.partial"
  retry timeout 300 mvn --batch-mode --quiet --file "$repository/.ci/kafka/pom.xml" \
    dependency:copy-dependencies "-DoutputDirectory=$libraries.partial" ||
    fail "Apache Kafka could not be fetched from Maven's repository"
  mv "$libraries.partial" "$libraries"
}

# make_certificates FOLDER: an authority of this run alone, in ca.pem, and what it vouches for, key first, in server.pem.
make_certificates() {
  local folder=$1 curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  mkdir -p "$folder"
  {
    openssl req -x509 "${curve[@]}" -keyout "$folder/ca.key" -out "$folder/ca.pem" -days 2 -subj /CN=weir-tests-authority &&
      openssl req -new "${curve[@]}" -keyout "$folder/server.key" -out "$folder/server.csr" -subj /CN=weir-tests-kafka &&
      openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
        -days 2 -extfile <(printf 'subjectAltName=IP:127.0.0.1\n') -out "$folder/server.crt" &&
      cat "$folder/server.key" "$folder/server.crt" >"$folder/server.pem"
  } >"$folder/openssl.log" 2>&1 || fail "the certificates for Apache Kafka could not be made: $(tail -n 3 "$folder/openssl.log")"
}

launch_kafka() {
  local properties=$work/kafka.properties log=-Dorg.slf4j.simpleLogger
  sed -e "s|@PORT@|$1|; s|@CONTROLLER_PORT@|$2|; s|@TLS_PORT@|$3|; s|@IAM_PORT@|$4|; s|@DATA@|$work/kafka|; s|@TLS@|$tls|" \
    -e "s|@ACCESS_KEY@|$access_key|; s|@SECRET_KEY@|$secret_key|" \
    "$repository/.ci/kafka/server.properties" >"$properties"
  rm -rf "$work/kafka"
  timeout 60 java "$log.defaultLogLevel=warn" -cp "$libraries/*" kafka.tools.StorageTool format \
    -t AAAAAAAAAAAAAAAAAAAAAQ -c "$properties" --add-scram "SCRAM-SHA-512=[name=$user,password=$password]" \
    >"$work/kafka-format.log" 2>&1 || fail "Apache Kafka's storage could not be formatted"
  # The first compiler alone: a broker of minutes does not earn back the second, and the tests want the cores.
  java -Xmx1g -XX:TieredStopAtLevel=1 "$log.defaultLogLevel=warn" "$log.log.kafka.server.KafkaRaftServer=info" \
    -cp "$libraries/*:$classes" kafka.Kafka "$properties" >"$work/kafka.log" 2>&1 &
}

kafka_serves() {
  grep -q 'Kafka Server started' "$work/kafka.log"
}

start_kafka() {
  local libraries classes ports tls=$work/kafka-tls user=weir password access_key=AKIDWEIR secret_key
  libraries=$cache/kafka-$(key_of "$repository/.ci/kafka/pom.xml")
  classes=$cache/kafka-tokens-$(key_of "$repository"/.ci/kafka/{pom.xml,SignedTokens.java})
  locked kafka install_kafka "$libraries" "$classes"
  make_certificates "$tls"
  password=$(openssl rand -hex 12)
  secret_key=$(openssl rand -hex 20)
  serve "Apache Kafka" 120 4 launch_kafka kafka_serves
  export WEIR_TEST_KAFKA=127.0.0.1:${ports[0]}
  export WEIR_TEST_KAFKA_TLS=127.0.0.1:${ports[2]} WEIR_TEST_KAFKA_CA=$tls/ca.pem
  export WEIR_TEST_KAFKA_USER=$user WEIR_TEST_KAFKA_PASSWORD=$password
  export WEIR_TEST_KAFKA_IAM=127.0.0.1:${ports[3]} WEIR_TEST_KAFKA_ACCESS_KEY=$access_key
  export WEIR_TEST_KAFKA_SECRET_KEY=$secret_key
  export WEIR_TEST_KAFKA_JARS=$libraries
}
