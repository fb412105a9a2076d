import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLDecoder;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerExtensionsValidatorCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * Takes the tokens that Amazon MSK takes, of one access key that the broker is told in its JAAS configuration: requests for
 * `kafka-cluster:Connect`, signed in their query (AWS Signature Version 4), in Base64 for URLs. The signature is made
 * again here from the request and the secret, by AWS's description alone.
 */
public final class SignedTokens implements AuthenticateCallbackHandler {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  private String accessKey;
  private String secretKey;

  @Override
  public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> jaas) {
    accessKey = (String) jaas.get(0).getOptions().get("access_key");
    secretKey = (String) jaas.get(0).getOptions().get("secret_key");
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (callback instanceof OAuthBearerValidatorCallback asked) {
        try {
          asked.token(validated(asked.tokenValue()));
        } catch (Exception fault) {
          System.err.println("a token is refused: " + fault);
          asked.error("invalid_token", null, null);
        }
      } else if (callback instanceof OAuthBearerExtensionsValidatorCallback
          || callback instanceof OAuthBearerTokenCallback
          || callback instanceof SaslExtensionsCallback) {
        // No extensions are known; and the broker, which is asked to log in too, needs no token of its own.
      } else {
        throw new UnsupportedCallbackException(callback);
      }
    }
  }

  @Override
  public void close() {}

  private OAuthBearerToken validated(String value) throws Exception {
    URI request = new URI(new String(Base64.getUrlDecoder().decode(value), UTF_8));
    Map<String, String> raw = new LinkedHashMap<>();
    for (String pair : request.getRawQuery().split("&")) {
      String[] parts = pair.split("=", 2);
      raw.put(URLDecoder.decode(parts[0], UTF_8), parts[1]);
    }
    String signature = raw.remove("X-Amz-Signature");
    // It is added after the signature.
    require(raw.remove("User-Agent") != null, "no user agent");
    Map<String, String> query = new TreeMap<>();
    raw.forEach((name, text) -> query.put(name, URLDecoder.decode(text, UTF_8)));

    require("kafka-cluster:Connect".equals(query.get("Action")), "another action");
    require("AWS4-HMAC-SHA256".equals(query.get("X-Amz-Algorithm")), "another algorithm");
    require("host".equals(query.get("X-Amz-SignedHeaders")), "other headers");
    String[] scope = query.get("X-Amz-Credential").split("/");
    require(scope.length == 5 && scope[0].equals(accessKey), "another's key");
    require(scope[3].equals("kafka-cluster") && scope[4].equals("aws4_request"), "another scope");
    require(request.getHost().equals("kafka." + scope[2] + ".amazonaws.com"), "another region");
    Instant signed = Instant.from(TIME.parse(query.get("X-Amz-Date")));
    require(query.get("X-Amz-Date").startsWith(scope[1]), "another day");
    int seconds = Integer.parseInt(query.get("X-Amz-Expires"));
    require(seconds > 0 && seconds <= 900, "too long");
    Instant expires = signed.plusSeconds(seconds);
    require(Instant.now().isBefore(expires), "expired");

    String canonicalQuery =
        new TreeMap<>(raw).entrySet().stream()
            .map(pair -> pair.getKey() + "=" + pair.getValue())
            .collect(Collectors.joining("&"));
    String canonical =
        String.join("\n", "GET", "/", canonicalQuery, "host:" + request.getHost(), "", "host", hash(""));
    String toSign =
        String.join(
            "\n",
            "AWS4-HMAC-SHA256",
            query.get("X-Amz-Date"),
            String.join("/", scope[1], scope[2], scope[3], scope[4]),
            hash(canonical));
    byte[] key = ("AWS4" + secretKey).getBytes(UTF_8);
    for (int part = 1; part < 5; part++) {
      key = hmac(key, scope[part]);
    }
    String expected = HexFormat.of().formatHex(hmac(key, toSign));
    require(MessageDigest.isEqual(expected.getBytes(UTF_8), signature.getBytes(UTF_8)), "wrong signature");
    return new Token(value, accessKey, signed.toEpochMilli(), expires.toEpochMilli());
  }

  private static void require(boolean holds, String fault) {
    if (!holds) {
      throw new IllegalArgumentException(fault);
    }
  }

  private static String hash(String text) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
  }

  private static byte[] hmac(byte[] key, String text) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(UTF_8));
  }

  private record Token(String value, String principalName, Long startTimeMs, long lifetimeMs)
      implements OAuthBearerToken {
    @Override
    public Set<String> scope() {
      return Set.of();
    }
  }
}
