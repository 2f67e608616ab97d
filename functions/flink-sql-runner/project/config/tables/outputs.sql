-- Written to the task managers' output: replace it by your own sink.
-- Every output carries the six columns that say which query wrote a row.
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
