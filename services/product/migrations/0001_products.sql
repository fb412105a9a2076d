CREATE TABLE products (
    id TEXT PRIMARY KEY,
    position BIGINT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    currency TEXT NOT NULL,
    stock BIGINT NOT NULL CHECK (stock >= 0),
    folded TEXT NOT NULL
);
CREATE INDEX products_of_category ON products (category, position);
CREATE TABLE catalogue (last_position BIGINT NOT NULL);
INSERT INTO catalogue (last_position) VALUES (0);
CREATE TABLE stock_changes (
    id TEXT PRIMARY KEY,
    product_id TEXT NOT NULL,
    change BIGINT NOT NULL
);
CREATE TABLE reservations (
    order_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    lines TEXT NOT NULL,
    product_ids TEXT NOT NULL
);
