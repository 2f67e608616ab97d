-- Orders that Flink makes up, without an end: replace it by your own source.
CREATE TABLE orders (
    order_number BIGINT,
    buyer_id     INT
) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '{orders_per_second}',
    'fields.order_number.min' = '1',
    'fields.order_number.max' = '1000000000',
    'fields.buyer_id.min' = '1',
    'fields.buyer_id.max' = '3'
);
