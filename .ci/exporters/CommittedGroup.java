import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** A topic, and a group that has committed an offset of it: without one an exporter has nothing to say of groups. */
public class CommittedGroup {
    public static void main(String[] arguments) throws Exception {
        var settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        try (var admin = Admin.create(settings)) {
            admin.createTopics(List.of(new NewTopic("orders", 2, (short) 1))).all().get();
            var committed = Map.of(new TopicPartition("orders", 0), new OffsetAndMetadata(0));
            admin.alterConsumerGroupOffsets("order-analytics", committed).all().get();
        }
    }
}
