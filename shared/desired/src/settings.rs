//! Owns which variables of a node's environment are settings: Flink's programs are given them, so none can be a secret.
//! Must not know who reads them.

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

/// Whether a variable is a setting of the node.
pub fn is_setting(name: &str) -> bool {
    SYSTEM.contains(&name) || SETTINGS.iter().any(|start| name.starts_with(start))
}
