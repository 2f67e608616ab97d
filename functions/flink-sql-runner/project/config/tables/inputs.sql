-- Orders numbered 1, 2, 3, ... that Flink makes up: replace it by your own source.
CREATE TABLE orders (
    order_number BIGINT,
    buyer_id     INT
) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '{orders_per_second}',
    'fields.order_number.kind' = 'sequence',
    'fields.order_number.start' = '1',
    'fields.order_number.end' = '1000000000',
    'fields.buyer_id.min' = '1',
    'fields.buyer_id.max' = '3'
);
