-- Orders as they come: random prices and buyers.
CREATE TABLE orders (
    order_number BIGINT,
    price        DECIMAL(32, 2),
    buyer_id     BIGINT,
    order_time   TIMESTAMP(3)
) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '{orders_per_second}',
    'fields.price.min' = '1',
    'fields.price.max' = '10000'
);

-- Orders numbered 1, 2, 3, ...: what was counted can be checked against the last number.
CREATE TABLE numbered_orders (
    order_number BIGINT,
    buyer_id     INT
) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '{orders_per_second}',
    'fields.order_number.kind' = 'sequence',
    'fields.order_number.start' = '1',
    'fields.order_number.end' = '200000',
    'fields.buyer_id.min' = '1',
    'fields.buyer_id.max' = '3'
);
