//! Which of the runner's variables Flink's programs are given: PyFlink's client writes its whole environment into its log.
//! Must not know what a program is for.

/// Variables of the system that programs rely on.
const SYSTEM: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "HOSTNAME",
    "PWD",
    "LANG",
    "TZ",
    "TERM",
    "TMPDIR",
    "TMP",
    "TEMP",
    "VIRTUAL_ENV",
];
/// What the names of the settings of Flink, Hadoop, Java, Python and AWS begin with.
const SETTINGS: [&str; 19] = [
    "FLINK", "HADOOP", "YARN", "HDFS", "HBASE", "HIVE", "MAPRED", "BIGTOP", "EMR_", "JAVA", "JDK", "JVM", "PYTHON",
    "PYFLINK", "AWS_", "LD_", "LC_", "SSL_", "KRB5",
];

/// Whether a variable is passed on to Flink's programs. One that is cannot hold a secret.
pub fn is_for_flink(name: &str) -> bool {
    SYSTEM.contains(&name) || SETTINGS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_passed_on_and_nothing_else() {
        for name in ["PATH", "FLINK_CONF_DIR", "HADOOP_CLASSPATH", "JAVA_HOME", "JVM_ARGS", "AWS_REGION", "LC_ALL"] {
            assert!(is_for_flink(name), "{name}");
        }
        for name in ["KAFKA_PASSWORD", "PATHS", "HOME2", "flink", "DB_USER", "", "X_AWS_KEY"] {
            assert!(!is_for_flink(name), "{name}");
        }
    }
}
