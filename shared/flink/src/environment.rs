//! Which of the runner's variables Flink's programs are given: PyFlink's client writes its whole environment into its log.
//! Must not know what a program is for.

use desired::settings::is_setting;

/// Whether a variable is passed on to Flink's programs. One that is cannot hold a secret.
pub fn is_for_flink(name: &str) -> bool {
    is_setting(name)
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
