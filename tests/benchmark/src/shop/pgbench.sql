\set n random(1, 9223372036854775807)
\set product random(1, :products)
\set user random(1, 1000)
BEGIN;
INSERT INTO order_service.idempotency_keys (scope, fingerprint, subject, lease_until_ms, kept_until_ms) VALUES ('CreateOrder|usr_019ac1d5-0f2e-7b1c-9a83-' || :user || '|0d1f3c5e-9f0a-4a4f-8a39-' || :n, '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef', 'ord_019ac1d5-0f2e-' || :n, 1764000020000, 1764086400000) ON CONFLICT (scope) DO NOTHING;
INSERT INTO order_service.orders (id, user_id, state, version, currency, total, address, method, own_payment_id, payment_id, until_ms, lease_until_ms, cancel_requested, cancel_reason, cancelled_at_ms, created_at_ms, updated_at_ms, scope, dues, attempts, attend_at_ms, lines) VALUES ('ord_019ac1d5-0f2e-' || :n, 'usr_019ac1d5-0f2e-7b1c-9a83-' || :user, 'pending', 0, 'USD', NULL, '{"name":"Ada Lovelace","line1":"1 Main Street","line2":"","city":"London","postal_code":"N1 9GU","country":"GB"}', NULL, 'pay_019ac1d5-0f2e-7b1c-9a83-3d5e7f901234', NULL, 1764000900000, 1764000020000, 0, NULL, NULL, NULL, 1764000000000, 'CreateOrder|usr_019ac1d5-0f2e-7b1c-9a83-' || :user || '|0d1f3c5e-9f0a-4a4f-8a39-' || :n, 0, 0, 1764000020000, '[{"p":"bench-1","q":1}]');
COMMIT;
BEGIN;
INSERT INTO product_service.reservations (order_id, state, lines, product_ids) VALUES ('ord_019ac1d5-0f2e-' || :n, 'reserved', '[{"p":"bench-1","q":1,"u":1999,"c":"USD"}]', '[]') ON CONFLICT (order_id) DO NOTHING;
UPDATE product_service.products SET stock = stock - 1 WHERE id = 'bench-' || :product AND stock >= 1;
COMMIT;
BEGIN;
UPDATE order_service.orders SET state = 'reserved', version = 1, currency = 'USD', total = 1999, payment_id = NULL, until_ms = 1764000900000, lease_until_ms = 0, cancel_requested = 0, cancel_reason = NULL, cancelled_at_ms = NULL, created_at_ms = 1764000000007, updated_at_ms = 1764000000007, dues = 0, attempts = 0, attend_at_ms = 1764000900000, lines = '[{"p":"bench-1","q":1,"u":1999}]' WHERE id = 'ord_019ac1d5-0f2e-' || :n;
INSERT INTO order_service.outbox_events (id, topic, record_key, shard, version, payload, headers, created_at_ms, pending) VALUES ('019ac1d5-0f2e-' || :n, 'orders', 'ord_019ac1d5-0f2e-' || :n, 7, 1, '{"event_type":"order.created","order_id":"ord_019ac1d5-0f2e-7b1c-9a83-3d5e7f901234","user_id":"usr_019ac1d5-0f2e-7b1c-9a83-3d5e7f901234","currency":"USD","total_amount":"19.99","items":[{"product_id":"bench-1","quantity":1,"unit_price":"19.99"}],"created_at":"2026-11-24T16:00:00.007Z"}', '{"ce_id":"019ac1d5-0f2e-7b1c-9a83-3d5e7f901234","ce_source":"/order-service","ce_specversion":"1.0","ce_time":"2026-11-24T16:00:00.007Z","ce_type":"order.created","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","version":"1"}', 1764000000007, 1);
UPDATE order_service.idempotency_keys SET answer = 'ok CihvcmRfMDE5YWMxZDUtMGYyZS03YjFjLTlhODMtM2Q1ZTdmOTAxMjM0Eih1c3JfMDE5YWMxZDUtMGYyZS03YjFjLTlhODMtM2Q1ZTdmOTAxMjM0GAIiFgoHYmVuY2gtMRABGgkIzw8SA1VTRCoJCM8PEgNVU0QyOQoMQWRhIExvdmVsYWNlEg0xIE1haW4gU3RyZWV0IgZMb25kb24qBk4xIDlHVTICR0I6DAiA4Y3JBhDAhD0' WHERE scope = 'CreateOrder|usr_019ac1d5-0f2e-7b1c-9a83-' || :user || '|0d1f3c5e-9f0a-4a4f-8a39-' || :n;
COMMIT;
