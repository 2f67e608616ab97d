-- Every output carries the six columns that say which query wrote a row.
CREATE TABLE expensive_items (
    order_number             BIGINT,
    price                    DECIMAL(32, 2),
    buyer_id                 BIGINT,
    order_time               TIMESTAMP(3),
    __create_timestamp       TIMESTAMP_LTZ(3),
    __query_name             STRING,
    __query_description      STRING,
    __query_id               STRING,
    __query_version          INT,
    __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = 'expensive_items');

CREATE TABLE buyer_totals (
    buyer_id                 INT,
    orders                   BIGINT,
    last_order               BIGINT,
    __create_timestamp       TIMESTAMP_LTZ(3),
    __query_name             STRING,
    __query_description      STRING,
    __query_id               STRING,
    __query_version          INT,
    __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = 'buyer_totals');

CREATE TABLE order_numbers (
    order_number             BIGINT,
    __create_timestamp       TIMESTAMP_LTZ(3),
    __query_name             STRING,
    __query_description      STRING,
    __query_id               STRING,
    __query_version          INT,
    __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = 'order_numbers');

CREATE TABLE labels (
    id                       INT,
    label                    STRING,
    __create_timestamp       TIMESTAMP_LTZ(3),
    __query_name             STRING,
    __query_description      STRING,
    __query_id               STRING,
    __query_version          INT,
    __query_create_timestamp TIMESTAMP(3)
) WITH ('connector' = 'print', 'print-identifier' = 'labels');
