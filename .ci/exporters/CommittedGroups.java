import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Topics, and two groups that have committed an offset of the same one: without any an exporter has nothing to say of groups. */
public class CommittedGroups {
    public static void main(String[] arguments) throws Exception {
        var settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        try (var admin = Admin.create(settings)) {
            var topics = List.of("orders", "orders-dlq", "orders-late");
            admin.createTopics(topics.stream().map(name -> new NewTopic(name, 2, (short) 1)).toList()).all().get();
            var committed = Map.of(new TopicPartition("orders", 0), new OffsetAndMetadata(0));
            for (var group : List.of("order-analytics", "notification-service")) {
                admin.alterConsumerGroupOffsets(group, committed).all().get();
            }
        }
    }
}
