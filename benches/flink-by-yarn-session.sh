#!/usr/bin/env bash
# The submitter's `flink run` with `-t yarn-session` in the place of `-t remote`: what the client would do if it looked
# for the JobManager itself. FLINK_REAL is the flink script, FLINK_APPLICATION the session.
set -euo pipefail

[[ $1 == run && $2 == -t && $3 == remote && $4 == -Drest.address=* && $5 == -Drest.port=* && $6 == -Dhigh-avail* ]]
shift 6
exec "$FLINK_REAL" run -t yarn-session "-Dyarn.application.id=$FLINK_APPLICATION" "$@"
